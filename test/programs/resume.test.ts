// A workflow that is closed in the middle goes on where it was, when its store is next opened.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agent, createFleet, workflow } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";

/** The same definitions in each life; what ran is noted, and `hold` keeps the publisher from ending. */
function definitions(ran: string[], hold: Promise<void>, reached: () => void) {
  const write = agent({
    name: "write",
    input: z.object({ topic: z.string() }),
    run({ topic }) {
      ran.push(`write ${topic}`);
      return { text: `on ${topic}`, at: new Date(0) };
    },
  });
  const publish = agent({
    name: "publish",
    input: z.object({ texts: z.array(z.string()) }),
    async run({ texts }, ctx) {
      ran.push(`publish ${texts.length}`);
      reached();
      await Promise.race([
        hold,
        new Promise<never>((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(new Error("stopped")))),
      ]);
      return { link: `https://x/${texts.length}` };
    },
  });
  const issue = workflow({
    name: "issue",
    input: z.object({ topics: z.array(z.string()) }),
    async run({ topics }, ctx) {
      const editor = await ctx.step("choose an editor", () => {
        ran.push("choose");
        return "Ada";
      });
      const articles = await ctx.map(
        write,
        topics.map((topic) => ({ topic })),
      );
      const { link } = await ctx.call(publish, { texts: articles.map((a) => a.text) });
      return { link, editor, first: articles[0]?.at ?? null };
    },
  });
  return [write, publish, issue] as const;
}

test("what was done is not done again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "flotilla-resume-"));
  const store = `sqlite:${join(folder, "f.db")}` as const;
  try {
    const before: string[] = [];
    const reached = Promise.withResolvers<void>();
    const first = await createFleet({ definitions: definitions(before, new Promise(() => {}), reached.resolve), store });
    const { id } = await first.start("issue", { topics: ["tides", "reefs"] });
    await reached.promise;
    await first.close();
    expect(before).toEqual(["choose", "write tides", "write reefs", "publish 2"]);

    const after: string[] = [];
    await using again = await createFleet({ definitions: definitions(after, Promise.resolve(), () => {}), store });
    expect(await (await again.get(id)).result()).toEqual({
      link: "https://x/2",
      editor: "Ada",
      first: "1970-01-01T00:00:00.000Z",
    });
    expect(after).toEqual(["publish 2"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
