// What runs in the reader's browser. It only adds to a page that is complete without it, reads the findings from the
// document itself and writes nothing but attributes and text, never markup.

/** Before the first paint, so that a chosen theme does not flash. */
export const themeScript = `(() => {
  try {
    const theme = localStorage.getItem("flotilla-report-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {} // Some browsers refuse storage to files.
})();`;

export const clientScript = `(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const page = document.documentElement;

  // Theme: what the system says, or what the reader chose.
  const themeButton = one("#theme");
  const themes = ["auto", "light", "dark"];
  const showTheme = () => { themeButton.lastChild.textContent = page.dataset.theme || "auto"; };
  themeButton.hidden = false;
  showTheme();
  themeButton.addEventListener("click", () => {
    const next = themes[(themes.indexOf(page.dataset.theme || "auto") + 1) % themes.length];
    if (next === "auto") delete page.dataset.theme; else page.dataset.theme = next;
    try { localStorage.setItem("flotilla-report-theme", next); } catch {}
    showTheme();
  });

  const form = one("#filter");
  if (!form) return;
  form.hidden = false;
  const rows = all(".f").map((el) => ({
    el, dimension: el.dataset.d, severity: el.dataset.s, verdict: el.dataset.v,
    change: el.dataset.c || "", action: el.dataset.a || "", path: null, text: null, match: true,
  }));
  const rowOf = new Map(rows.map((row) => [row.el, row]));
  const groups = all(".group").map((el) => ({ el, rows: all(".f", el).map((f) => rowOf.get(f)), n: el.querySelector(".n"), more: el.querySelector(".more") }));
  const chips = all("button[data-key]", form);
  const keys = ["dimension", "severity", "verdict", "change", "action"];
  const inputs = { q: one("#q"), path: one("#path") };
  const shown = one("#shown");
  const none = one("#none");
  const number = (n) => String(n).replace(/\\B(?=(\\d{3})+$)/g, ",");

  // Reading a row's text is slow over thousands of rows, so it happens on the first search only.
  const textOf = (row) => (row.text ??= row.el.textContent.toLowerCase());
  const pathOf = (row) => (row.path ??= (row.el.querySelector(".p").title || "").toLowerCase());

  const empty = () => ({ dimension: new Set(), severity: new Set(), verdict: new Set(), change: new Set(), action: new Set(), q: "", path: "" });
  let filter = empty();

  const parse = (text) => {
    const next = empty();
    for (const [key, value] of new URLSearchParams(text)) {
      if (keys.includes(key)) for (const item of value.split(",")) { if (item) next[key].add(item); }
      else if (key === "q" || key === "path") next[key] = value;
    }
    return next;
  };
  const format = () => {
    const parts = [];
    for (const key of keys) if (filter[key].size > 0) parts.push(key + "=" + [...filter[key]].map(encodeURIComponent).join(","));
    for (const key of ["q", "path"]) if (filter[key] !== "") parts.push(key + "=" + encodeURIComponent(filter[key]));
    return parts.join("&");
  };

  const apply = () => {
    const active = format() !== "";
    const words = filter.q.toLowerCase().split(/\\s+/).filter(Boolean);
    const path = filter.path.toLowerCase();
    const holds = (row) =>
      (filter.verdict.size > 0 ? filter.verdict.has(row.verdict) : !active || row.verdict !== "rejected") &&
      keys.every((key) => key === "verdict" || filter[key].size === 0 || filter[key].has(row[key])) &&
      (path === "" || pathOf(row).includes(path)) &&
      words.every((word) => textOf(row).includes(word));
    let total = 0;
    let of = 0; // Rejected findings are told apart: they count only when the filter asks for them.
    for (const row of rows) {
      row.match = holds(row);
      if (row.el.hidden === row.match) row.el.hidden = !row.match;
      if (row.verdict !== "rejected" || filter.verdict.has("rejected")) of++;
      if (row.match && (active || row.verdict !== "rejected")) total++;
    }
    for (const group of groups) {
      const n = group.rows.filter((row) => row.match).length;
      group.el.hidden = n === 0;
      group.n.textContent = n === group.rows.length ? number(n) : number(n) + " of " + number(group.rows.length);
      if (group.more) {
        const inside = group.rows.filter((row) => row.match && row.el.parentNode === group.more).length;
        group.more.hidden = inside === 0;
        group.more.open = active && inside > 0;
      }
    }
    for (const chip of chips) chip.setAttribute("aria-pressed", String(filter[chip.dataset.key].has(chip.dataset.value)));
    for (const key of ["q", "path"]) if (inputs[key].value !== filter[key]) inputs[key].value = filter[key];
    for (const clear of all("[data-clear]", form)) clear.disabled = !active;
    none.hidden = total > 0;
    const action = [...filter.action].map((n) => " in action " + n).join("");
    shown.textContent = (active ? number(total) + " of " + number(of) : number(of)) + " findings" + action;
  };

  // The hash holds the filter, so that a filtered view can be bookmarked and sent.
  const remember = (push) => {
    const text = format();
    const url = location.pathname + location.search + (text === "" ? "" : "#" + text);
    // A file opened straight from disk may refuse to rewrite its address; the filter works all the same.
    try { history[push ? "pushState" : "replaceState"](null, "", url); } catch {}
    apply();
  };
  const goTo = (hash) => {
    const text = hash.replace(/^#/, "");
    if (text.includes("=")) { filter = parse(text); apply(); return; }
    if (text === "") { filter = empty(); apply(); return; }
    const target = document.getElementById(text);
    if (!target || !target.classList.contains("f")) return;
    if (!rowOf.get(target).match) { filter = empty(); apply(); }
    target.open = true;
    const more = target.closest(".more");
    if (more) more.open = true;
    target.scrollIntoView({ block: "center" });
    target.firstElementChild.focus({ preventScroll: true });
  };
  addEventListener("hashchange", () => goTo(location.hash));

  let typing = 0;
  for (const key of ["q", "path"]) inputs[key].addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { filter[key] = inputs[key].value.trim(); remember(false); }, 120);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("button[data-key]");
    if (chip) {
      const chosen = filter[chip.dataset.key];
      if (!chosen.delete(chip.dataset.value)) chosen.add(chip.dataset.value);
      remember(true);
      return;
    }
    if (event.target.closest("[data-clear]")) { filter = empty(); remember(true); inputs.q.focus(); return; }
    const link = event.target.closest("a[data-filter]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      filter = parse(link.dataset.filter);
      remember(true);
      one("#findings").scrollIntoView();
      one("#findings-title").focus({ preventScroll: true });
    }
  });

  // "/" searches, j and k walk, as in the tools that readers know. Nothing needs them: Tab and Enter reach everything.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typingIn = event.target.closest("input");
    if (event.key === "Escape" && typingIn) { typingIn.value = ""; typingIn.dispatchEvent(new Event("input")); return; }
    if (typingIn) return;
    if (event.key === "/") { event.preventDefault(); inputs.q.focus(); return; }
    if (event.key !== "j" && event.key !== "k") return;
    const reachable = rows.map((row) => row.el).filter((el) => !el.hidden && el.checkVisibility());
    const here = reachable.indexOf(document.activeElement.closest?.(".f") ?? null);
    const next = reachable[event.key === "j" ? here + 1 : Math.max(0, here - 1)];
    if (next) next.firstElementChild.focus();
  });

  apply();
  if (location.hash !== "") {
    goTo(location.hash);
    // The browser's own jump to the anchor, once the page is there, takes the focus away: so once more after it.
    if (!location.hash.includes("=")) addEventListener("load", () => setTimeout(() => goTo(location.hash)));
  }
})();`;
