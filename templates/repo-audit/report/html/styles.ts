// Severity colours descend from Okabe and Ito's palette, which stays apart for the common kinds of colour blindness;
// as text they are darkened (light theme) or lightened (dark theme) until they reach 4.5:1 on their ground.

const light = {
  ground: "#f6f7f7",
  surface: "#fff",
  sunk: "#edf0f1",
  ink: "#14202a",
  soft: "#4d5c68",
  rule: "#d6dde1",
  strong: "#a9b5bd",
  faint: "#61707a",
  accent: "#0a6170",
  "accent-soft": "#dcebed",
  high: "#ad3a00",
  medium: "#805300",
  low: "#0a5c99",
  info: "#566570",
  "fill-high": "#d55e00",
  "fill-medium": "#e6a01a",
  "fill-low": "#4a97cf",
  "fill-info": "#8796a0",
  "fill-good": "#1f8a86",
  "fill-fair": "#d99a1c",
  "fill-poor": "#d55e00",
  "fill-checked": "#5d7482",
  "fill-rejected": "#a3b0b9",
  confirmed: "#08655c",
  focus: "#0a5c99",
  shade: "rgba(20,32,42,.07)",
};
const dark: typeof light = {
  ground: "#0e1519",
  surface: "#141d22",
  sunk: "#1a252b",
  ink: "#e3eaee",
  soft: "#9dadb8",
  rule: "#27343b",
  strong: "#47575f",
  faint: "#7f909a",
  accent: "#6cc5cf",
  "accent-soft": "#17343a",
  high: "#ff9a66",
  medium: "#f0bd55",
  low: "#84c1ef",
  info: "#a5b3bc",
  "fill-high": "#e8722a",
  "fill-medium": "#dba032",
  "fill-low": "#4a97cf",
  "fill-info": "#62727c",
  "fill-good": "#35a29c",
  "fill-fair": "#d1962b",
  "fill-poor": "#e8722a",
  "fill-checked": "#7f97a5",
  "fill-rejected": "#55656e",
  confirmed: "#6fcfbd",
  focus: "#84c1ef",
  shade: "rgba(0,0,0,.3)",
};

const variables = (palette: typeof light): string =>
  Object.entries(palette)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";");

export const styles = `
:root{color-scheme:light dark;${variables(light)};--mono:ui-monospace,"SF Mono","Cascadia Mono","Segoe UI Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;--sans:ui-sans-serif,-apple-system,"Segoe UI Variable Text","Segoe UI",Roboto,"Noto Sans","Helvetica Neue","Liberation Sans","Nimbus Sans",Arial,sans-serif}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${variables(dark)}}}
:root[data-theme=light]{color-scheme:light}
:root[data-theme=dark]{color-scheme:dark;${variables(dark)}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%;scroll-padding-top:16px}
body{margin:0;background:var(--ground);color:var(--ink);font:14px/1.5 var(--sans);font-variant-numeric:tabular-nums;text-rendering:optimizeLegibility}
a{color:inherit;text-decoration:underline;text-decoration-color:var(--strong);text-underline-offset:3px;text-decoration-thickness:1px}
a:hover{color:var(--accent);text-decoration-color:currentColor}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:2px}
h1,h2,h3,p,ol,ul,dl,dd,figure,pre{margin:0;padding:0}
ol,ul{list-style:none}
code,pre,.mono{font-family:var(--mono);font-size:12.5px}
i{font-style:normal}
b{font-weight:600}
small{font-size:inherit;font-weight:400}
svg{display:block}
.sr{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.skip{position:absolute;left:-999px}
.skip:focus{left:8px;top:8px;background:var(--surface);padding:6px 10px;z-index:9}
.soft{color:var(--soft)}
.eyebrow{font-size:11px;letter-spacing:.09em;text-transform:uppercase;color:var(--soft);font-weight:600}

.page{display:grid;grid-template-columns:152px minmax(0,1fr);column-gap:44px;max-width:1272px;margin:0 auto;padding:0 32px 72px}
.mast{grid-column:1/-1;display:flex;flex-wrap:wrap;align-items:flex-end;justify-content:space-between;gap:6px 24px;padding:30px 0 18px}
.mast h1{font-size:31px;line-height:1.15;letter-spacing:-.022em;font-weight:650;overflow-wrap:anywhere;margin:3px 0 5px}
.mast .facts-line{color:var(--soft);display:flex;flex-wrap:wrap;gap:2px 18px}
.mast .facts-line code{color:var(--ink)}
#theme{align-self:flex-start}
button{font:inherit;color:inherit;background:none;border:1px solid var(--rule);border-radius:3px;padding:3px 9px;cursor:pointer}
button:hover:not(:disabled){border-color:var(--strong);background:var(--sunk)}
button:disabled{opacity:.45;cursor:default}
#theme{color:var(--soft);font-size:12.5px}

nav{position:sticky;top:0;align-self:start;padding-top:10px;max-height:100vh;overflow:auto}
nav a{display:flex;justify-content:space-between;gap:8px;padding:4px 0;text-decoration:none;color:var(--soft);border-bottom:1px solid transparent}
nav a:hover{color:var(--ink);border-bottom-color:var(--strong)}
nav a b{font-weight:500;color:var(--ink)}

.verdict{grid-column:1/-1;display:grid;grid-template-columns:minmax(208px,.85fr) minmax(230px,1.1fr) minmax(270px,1.3fr) minmax(190px,.95fr);background:var(--surface);border:1px solid var(--rule);border-top:3px solid var(--ink);margin-bottom:34px}
.verdict.fails{border-top-color:var(--fill-high)}
.verdict>div{padding:16px 20px 18px;border-left:1px solid var(--rule);min-width:0}
.verdict>div:first-child{border-left:0}
.verdict p{margin-top:4px}
.grade{display:flex;align-items:baseline;gap:12px;margin-top:2px}
.grade b{font-size:58px;line-height:1;font-weight:650;letter-spacing:-.04em}
.grade span{font-size:19px;line-height:1.2}
.grade span small{display:block;font-size:12.5px;color:var(--soft)}
.big{font-size:19px;line-height:1.35;font-weight:600;letter-spacing:-.008em;margin-top:4px}
.big i{margin-right:6px}
.pass .big i{color:var(--confirmed)}.fail .big i,.fail .big{color:var(--high)}
.breaches{margin-top:6px}
.breaches li{padding-left:14px;text-indent:-14px}
.breaches li::before{content:"▲";font-size:9px;color:var(--high);display:inline-block;width:14px;text-indent:0}
.verdict .stack{margin:9px 0 7px;height:14px}

main>section{margin-bottom:46px}
main>section>header{border-top:1px solid var(--ink);padding:9px 0 13px;display:flex;flex-wrap:wrap;gap:1px 18px;align-items:baseline}
h2{font-size:17px;line-height:1.35;font-weight:650;letter-spacing:-.01em}
h2:focus{outline:none}
main>section>header p{color:var(--soft);flex:1 1 300px}
h3{font-size:14px;font-weight:650}

.bar,.stack{width:100%;height:12px}
.track{fill:var(--sunk)}.good{fill:var(--fill-good)}.fair{fill:var(--fill-fair)}.poor{fill:var(--fill-poor)}.tick{fill:var(--ink)}
.f-high{fill:var(--fill-high)}.f-medium{fill:var(--fill-medium)}.f-low{fill:var(--fill-low)}.f-info{fill:var(--fill-info)}
.f-checked{fill:var(--fill-checked)}.f-confirmed{fill:var(--fill-good)}.f-likely{fill:var(--fill-fair)}.f-rejected,.f-unverified{fill:var(--fill-rejected)}
.f-new{fill:var(--fill-high)}.f-fixed{fill:var(--fill-good)}.f-unchanged{fill:var(--fill-rejected)}.f-column{fill:var(--fill-checked)}
.ribbon{opacity:.22}
.c-high,.c-new{color:var(--high)}.c-medium,.c-likely{color:var(--medium)}.c-low{color:var(--low)}.c-info,.c-rejected,.c-unverified,.c-unchanged{color:var(--info)}.c-confirmed,.c-fixed{color:var(--confirmed)}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px}
.legend i{font-size:11px;margin-right:5px;vertical-align:1px}
.legend a{text-decoration:none}
.legend a:hover{text-decoration:underline}

table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:600;font-size:11px;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);padding:0 10px 5px 0;white-space:nowrap}
td{padding:6px 10px 6px 0;border-top:1px solid var(--rule);vertical-align:middle;overflow-wrap:anywhere}
th:last-child,td:last-child{padding-right:0}
th.n,td.n{text-align:right;white-space:nowrap}
td.n a{text-decoration:none}
td.n a:hover{text-decoration:underline}
.scores th:first-child{width:35%}
.scores th.barcell{width:24%}
.scores th.mixcell{width:13%}
.scores td:first-child small{display:block;color:var(--soft);font-size:12.5px;line-height:1.35}
.scores .score{width:52px;font-size:17px;font-weight:600;letter-spacing:-.01em}
.scores .barcell{padding-left:6px}
.scores .mixcell{padding-left:14px}
.zero{color:var(--faint)}
.up{color:var(--confirmed)}.down{color:var(--high)}
.off td{color:var(--soft)}
.total td{border-top:1px solid var(--ink);font-weight:600}

.actions li{display:grid;grid-template-columns:26px minmax(0,1fr) 132px;gap:0 10px;padding:9px 0 10px;border-top:1px solid var(--rule)}
.actions li:first-child{border-top:0;padding-top:0}
.actions .rank{color:var(--soft);text-align:right;padding-right:6px}
.actions .what{font-weight:600;overflow-wrap:anywhere}
.actions .what b{font-weight:600;color:var(--soft);margin-left:5px}
.actions .how{max-width:76ch;overflow-wrap:anywhere}
.actions .where{color:var(--soft);font:12px/1.5 var(--mono);overflow-wrap:anywhere}
.actions .worth{text-align:right}
.actions .worth b{display:block;font-size:17px;font-weight:600;letter-spacing:-.01em;line-height:1.3}
.actions .worth small{font-size:12.5px;color:var(--soft)}
.actions .where span{margin-right:16px}
.actions .worth .s{justify-content:flex-end}

.flow{display:grid;grid-template-columns:minmax(0,1.5fr) minmax(0,1fr);gap:20px 44px}
.path{display:grid;grid-template-columns:104px minmax(0,1fr)}
.path ol{display:grid;grid-template-rows:60px 60px 24px}
.path b{font-size:17px;letter-spacing:-.01em;margin-right:3px}
.funnel{width:100%;height:144px}
.flow .legend{margin-top:8px}

.treemap{width:100%;height:330px;background:var(--sunk)}
.treemap .cell{stroke:var(--ground);stroke-width:2}
.treemap a{text-decoration:none}
.treemap.narrow{display:none}
.treemap text{font:600 12px var(--sans);fill:var(--ink);pointer-events:none}
.treemap .dim{font-weight:400;fill:var(--soft);font-size:11.5px}
.t-high{fill:color-mix(in srgb,var(--fill-high) 22%,var(--surface))}.t-medium{fill:color-mix(in srgb,var(--fill-medium) 22%,var(--surface))}.t-low{fill:color-mix(in srgb,var(--fill-low) 18%,var(--surface))}.t-info{fill:var(--sunk)}
.treemap a:hover .cell,.treemap a:focus-visible .cell{stroke:var(--ink)}
.note{color:var(--soft);font-size:12.5px;margin-top:7px}

.hist{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr);gap:0 6px;max-width:760px}
.hist li{display:grid;grid-template-rows:auto 96px auto;text-align:center;gap:3px}
.hist b{align-self:end}
.hist svg{width:100%;height:96px}
.hist span{color:var(--soft);font-size:12px;line-height:1.25}

.changes{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:22px 44px}
.changes h3{margin-bottom:4px}
.changes .list li{display:grid;grid-template-columns:82px minmax(0,1fr);gap:0 8px;padding:5px 0;border-top:1px solid var(--rule)}
.changes .list .p{grid-column:2}
.changes .wide{grid-column:1/-1}
.deltas{columns:2;column-gap:44px}
.deltas li{display:grid;grid-template-columns:116px minmax(0,1fr) 40px;gap:12px;align-items:center;padding:3px 0;break-inside:avoid}
.deltas b{text-align:right}

#filter{position:sticky;top:0;z-index:2;background:var(--ground);padding:10px 0 11px;margin-top:-10px;border-bottom:1px solid var(--ink)}
.fields{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center}
.fields label{display:flex;align-items:center;gap:8px}
.fields label span,legend{font-size:11px;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);font-weight:600}
.fields label:first-child{flex:1 1 240px}
input{font:inherit;color:inherit;background:var(--surface);border:1px solid var(--strong);border-radius:3px;padding:4px 8px;width:100%;min-width:0}
input::placeholder{color:var(--soft);opacity:1}
#path{width:150px;font-family:var(--mono);font-size:12.5px;line-height:21px}
#shown{margin-left:auto;color:var(--soft);white-space:nowrap}
.chips{display:flex;flex-wrap:wrap;gap:6px 22px;margin-top:9px}
fieldset{border:0;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:4px;align-items:center;min-width:0}
fieldset legend{position:absolute;clip-path:inset(50%)}
fieldset button{padding:1px 8px 2px;font-size:13px;line-height:1.45;background:var(--surface)}
fieldset button i{font-size:10px;margin-right:5px;vertical-align:1px}
fieldset button span{color:var(--soft);margin-left:3px;font-size:12px}
fieldset button[aria-pressed=true]{background:var(--ink);border-color:var(--ink);color:var(--ground)}
fieldset button[aria-pressed=true] :is(span,i){color:inherit}
button.plain{border-color:transparent;text-decoration:underline;text-underline-offset:3px;padding:3px 4px}
#none{padding:26px 0}

.group{margin-top:22px;scroll-margin-top:130px}
.group h3{padding-bottom:6px;border-bottom:1px solid var(--strong)}
.group h3 .n{font-weight:400;color:var(--ink);background:var(--sunk);padding:0 6px;border-radius:3px;margin:0 4px;font-size:12.5px}
.group h3 small{color:var(--soft)}
.f{border-bottom:1px solid var(--rule);scroll-margin-top:140px}
.more .f{content-visibility:auto;contain-intrinsic-size:auto 34px}
.f summary{display:grid;grid-template-columns:78px minmax(0,1fr) minmax(0,300px) 92px;gap:0 14px;padding:6px 0;cursor:pointer;list-style:none;align-items:baseline}
summary::-webkit-details-marker{display:none}
.f summary:hover{background:var(--sunk)}
.f[open]{background:var(--surface)}
.f[open] .m{font-weight:600}
.f:target summary,.f summary:focus-visible{background:var(--accent-soft)}
.f summary:focus-visible{outline-offset:-2px}
.s,.v{white-space:nowrap;font-size:13px;display:flex;align-items:baseline;gap:6px}
.s i,.v i{font-size:11px;width:11px;text-align:center;flex:none}
.s.high{color:var(--high);font-weight:600}.s.medium{color:var(--medium);font-weight:600}.s.low{color:var(--low)}.s.info{color:var(--info)}
.v{color:var(--soft)}.v.confirmed{color:var(--confirmed)}.v.likely{color:var(--medium)}
.f .s{padding-left:6px}
.m{overflow-wrap:anywhere;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.f[open] .m{display:block}
.m em{font-style:normal;font-size:11px;font-weight:600;color:var(--ground);background:var(--ink);border-radius:2px;padding:0 4px;margin-left:4px;vertical-align:1px}
.p{display:flex;min-width:0;font:12px/1.6 var(--mono);color:var(--soft)}
.p.whole{font-family:var(--sans);font-style:italic}
.p .dir{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;flex:0 1 auto;min-width:1.5em}
.p .dir:empty{display:none}
.p .base{color:var(--ink);overflow:hidden;text-overflow:ellipsis;white-space:nowrap;flex:0 1000000 auto;flex-shrink:.001;max-width:100%}
.b{padding:4px 0 16px 98px}
.b dl{display:grid;grid-template-columns:76px minmax(0,1fr);gap:6px 12px;max-width:900px}
dt{color:var(--soft)}
dd{overflow-wrap:anywhere}
dd.fix{font-weight:600}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--sunk);border-left:2px solid var(--strong);padding:6px 10px}
.facts span{display:inline-block;color:var(--soft);margin-right:16px}
.facts b{color:var(--ink);font-weight:500}
.b .id{color:var(--soft);margin-left:12px}
.more>summary{cursor:pointer;padding:8px 0 8px 6px;color:var(--accent);list-style:none}
.more>summary::before{content:"+";display:inline-block;width:17px}
.more[open]>summary::before{content:"–"}
.more[open]>summary{color:var(--soft)}

.tasks td:first-child{min-width:17ch;max-width:30ch}
.made{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));border:1px solid var(--rule);background:var(--surface);margin-bottom:20px}
.made div{padding:9px 14px;border-right:1px solid var(--rule)}
.made div:last-child{border-right:0}
.made dt{font-size:12.5px}
.made dd{font-size:17px;font-weight:600;letter-spacing:-.01em}
.how{color:var(--soft);max-width:86ch}
details.method{margin-top:16px}
details.method summary{cursor:pointer;color:var(--accent)}
details.method p{margin-top:8px;max-width:86ch}
footer{grid-column:2;color:var(--soft);border-top:1px solid var(--rule);padding-top:10px;font-size:12.5px}

@media (max-width:1020px){
.page{display:block;padding:0 22px 56px}
nav{position:static;display:flex;gap:16px;overflow-x:auto;padding:0 0 10px;margin-bottom:14px;border-bottom:1px solid var(--rule)}
nav a{flex:none;gap:5px}
.verdict{grid-template-columns:1fr 1fr}
.verdict>div:nth-child(3){border-left:0}
.verdict>div:nth-child(n+3){border-top:1px solid var(--rule)}
}
@media (max-width:700px){
.page{padding:0 16px 48px}
.mast{padding-top:17px;position:relative}
.mast h1{margin-top:6px}
.mast h1{font-size:25px}
#theme{position:absolute;right:0;top:9px}
.verdict{grid-template-columns:1fr}
.verdict>div{border-left:0;padding:13px 15px}
.verdict>div+div{border-top:1px solid var(--rule)}
.flow,.changes{grid-template-columns:1fr}
.changes .wide{grid-column:auto}
.deltas{columns:1}
.scores thead,.tasks thead{display:block;position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.scores tr{display:grid;grid-template-columns:minmax(0,1fr) auto auto;gap:0 12px;padding:9px 0;border-top:1px solid var(--rule);align-items:baseline}
.scores td{border:0;padding:0}
.scores td:first-child{font-weight:600}
.scores td:first-child small,.scores .mixcell{display:none}
.scores .score{width:auto}
.scores .barcell{grid-column:1/-1;padding:0}
.scores .sev{font-size:12.5px;color:var(--soft);grid-row:3;text-align:left}
.scores .sev::before{content:attr(data-label) " "}
.scores tr{grid-template-columns:repeat(4,auto) 1fr auto}
.scores td:first-child{grid-column:1/5}
.scores .score{grid-column:6;grid-row:1}
.scores .chg{grid-column:5;grid-row:1}
.scores .total .sev{font-weight:400}
.scores td.sev{justify-self:start}
.actions li{grid-template-columns:20px minmax(0,1fr)}
.actions .worth{grid-column:2;text-align:left;display:flex;gap:10px;align-items:baseline;margin-top:3px}
.actions .worth b{font-size:14px}
.treemap.wide{display:none}
.treemap.narrow{display:block;height:440px}
.path{grid-template-columns:104px minmax(0,1fr)}
.sev:has(.zero){display:none}
.hist span{font-size:10.5px}
#filter{position:static}
.chips{gap:9px}
fieldset button{padding:4px 9px}
.fields label{flex:1 1 100%}
.fields label span{width:52px;flex:none}
#path{width:100%}
#shown{margin-left:0;margin-right:auto}
.more .f{contain-intrinsic-size:auto 74px}
.f summary{grid-template-columns:auto 1fr;gap:2px 12px;padding:9px 0}
.f .s{padding-left:0;grid-area:1/1}
.f .m{grid-column:1/-1;grid-row:2;-webkit-line-clamp:3}
.f .p{grid-column:1/-1;grid-row:3}
.f .v{grid-area:1/2;justify-self:end}
.f[open]{padding:0 10px;margin:0 -10px}
.b{padding:2px 0 14px}
.b dl{grid-template-columns:minmax(0,1fr);gap:1px}
.b dd{margin-bottom:8px}
.group h3 small{display:block}
.tasks tr{display:block;padding:8px 0;border-top:1px solid var(--rule)}
.tasks td{display:block;border:0;padding:1px 0}
.tasks td.n{text-align:left;color:var(--soft)}
.tasks td.n::before{content:attr(data-label) " "}
footer{margin-top:24px}
}
@media print{
:root,:root[data-theme=dark]{color-scheme:light;${variables(light)};--ground:#fff;--surface:#fff}
body{font-size:9.5pt}
.page{display:block;max-width:none;padding:0}
nav,#theme,#filter,.skip,.id{display:none!important}
.f,.verdict,.actions li,tr,.hist,.treemap{break-inside:avoid}
.group h3,main>section>header{break-after:avoid}
.f::details-content{content-visibility:visible;display:block}
.b{padding:0 0 8px 92px}
.b dt:not(.key),.b dd:not(.key){display:none}
a{text-decoration:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
@media (forced-colors:active){.bar,.stack,.funnel,.treemap,.hist svg{forced-color-adjust:none}}
`;
