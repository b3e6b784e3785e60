// What all pages have in common, and a profile's part of a page: its table and its flame chart.
#pragma once

#include <string_view>

namespace xgrad::detail {

/// Light and dark. What is told apart by colour differs in lightness, too, or in its dashes.
inline constexpr std::string_view page_styles = R"css(
:root { color-scheme: light dark; --ink: #1c2430; --faint: #5b6675; --paper: #fff; --line: #cfd6df; --soft: #f1f4f8;
  --forward: #7fb2e5; --backward: #1f4e79; --module: #f3d9a4; --other: #8a8f98; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --faint: #9aa5b4; --paper: #14181f; --line: #3a4350;
  --soft: #1d232d; --forward: #4f8fcf; --backward: #b9d6f2; --module: #7a5c1e; --other: #9aa1ab; } }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 76em; padding: 1em; }
h1 { font-size: 1.4em; margin: 0 0 .2em; }
h2 { font-size: 1.15em; margin: 1.8em 0 .5em; }
h3 { font-size: 1em; margin: 1.2em 0 .4em; }
button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line); border-radius: 4px;
  padding: .2em .8em; cursor: pointer; }
button:hover { border-color: var(--ink); }
button[aria-pressed=true] { background: var(--ink); color: var(--paper); }
:focus-visible { outline: 2px solid var(--forward); outline-offset: 1px; }
.wide { overflow-x: auto; }
.hint { color: var(--faint); font-size: .9em; margin: .3em 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.sortable { width: 100%; }
.sortable th, .sortable td { padding: .25em .6em; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
.sortable th:first-child, .sortable td:first-child { text-align: left; }
.sortable th { cursor: pointer; background: var(--paper); }
.sortable th[aria-sort=descending]::after { content: " \25BE"; }
.sortable th[aria-sort=ascending]::after { content: " \25B4"; }
.bar { display: inline-block; height: .7em; background: var(--backward); margin-left: .5em; vertical-align: baseline; }
.track { display: inline-block; width: 6em; text-align: left; }
canvas { width: 100%; display: block; }
#flame, #memory { border: 1px solid var(--line); touch-action: pan-y; }
#memory { border-top: 0; }
#tip { min-height: 1.5em; font-variant-numeric: tabular-nums; }
.key span { display: inline-block; width: 1em; height: .8em; margin: 0 .4em 0 1em; border: 1px solid var(--ink); }
.key span:first-child { margin-left: 0; }
@media print { button, nav { display: none; } }
)css";

/// Before all other scripts. What the reader has chosen outlives a reload of the page.
inline constexpr std::string_view page_script = R"js("use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const by_id = id => document.getElementById(id);
const kept = (() => {
  const key = "xgrad " + location.pathname + " " + data.date;
  let all = {};
  try { all = JSON.parse(sessionStorage.getItem(key)) || {}; } catch { }
  return {
    get: (name, otherwise) => name in all ? all[name] : otherwise,
    set: (name, value) => {
      all[name] = value;
      try { sessionStorage.setItem(key, JSON.stringify(all)); } catch { }
    }
  };
})();
// Three digits, or more where they are asked for. What rounds to a thousand has the next unit.
const time = (s, digits = 0) => {
  const exact = v => v.toPrecision(Math.max(3, digits));
  const rough = (v, places) => digits > 0 ? String(+v.toPrecision(digits + 1)) : v.toFixed(places);
  return s <= 0 ? "" : s < 0.9995e-6 ? exact(s * 1e9) + " ns" : s < 0.9995e-3 ? exact(s * 1e6) + " us" :
    s < 0.9995 ? exact(s * 1e3) + " ms" : s < 120 ? exact(s) + " s" : s < 7200 ? rough(s / 60, 0) + " min" :
    rough(s / 3600, 1) + " h";
};
const bytes = b => b < 1e3 ? b + " B" : b < 999.5e3 ? (b / 1e3).toPrecision(3) + " kB" :
  b < 999.5e6 ? (b / 1e6).toPrecision(3) + " MB" : (b / 1e9).toPrecision(3) + " GB";
const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

function add(parent, tag, text, attributes) {
  const made = parent.appendChild(document.createElement(tag));
  if (text !== undefined) made.textContent = text;
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  return made;
}

// A pen on a canvas of that height, sharp on every screen, and the width.
function surface(canvas, height) {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth;
  canvas.style.height = height + "px";
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  return [pen, width];
}

// Drawn again when the window's width or the scheme of colours changes.
const drawings = [];
function draw_all() { for (const draw of drawings) draw(); }
window.addEventListener("resize", draw_all);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw_all);

// Columns are [title, value of a row, its text, what else goes into the cell]; `first` is the column to sort by and whether
// the greatest comes first.
function sortable(table, name, columns, rows, first) {
  const [head, body] = [add(table, "thead"), add(table, "tbody")];
  let [sorted, down] = kept.get("sort " + name, first);
  const draw = () => {
    head.replaceChildren();
    body.replaceChildren();
    const titles = add(head, "tr");
    columns.forEach(([title], i) => {
      const made = add(titles, "th", title, {tabindex: 0});
      if (i === sorted) made.setAttribute("aria-sort", down ? "descending" : "ascending");
      made.onclick = () => {
        const has_focus = document.activeElement === made;
        down = sorted === i ? !down : i !== 0;
        sorted = i;
        kept.set("sort " + name, [sorted, down]);
        draw();
        if (has_focus) head.rows[0].cells[i].focus({preventScroll: true});
      };
      made.onkeydown = e => { if (e.key === "Enter") made.click(); };
    });
    const key = columns[sorted][1];
    const value = r => { const v = key(r); return v === null || typeof v === "number" && !isFinite(v) ? -1 : v; };
    const order = (a, b) => value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0;
    for (const r of [...rows].sort((a, b) => order(a, b) * (down ? -1 : 1))) {
      const line = add(body, "tr");
      for (const [, get, show, decorate] of columns) {
        const cell = add(line, "td", show ? show(get(r)) : get(r));
        if (decorate) decorate(cell, r);
      }
    }
  };
  draw();
}
)js";

/// The part of a page that shows a profile.
inline constexpr std::string_view profile_body = R"html(
<p id="totals"></p>
<h3>Where the time goes</h3>
<p><button id="by-operation" aria-pressed="true">by operation</button>
<button id="by-scope" aria-pressed="false">by scope</button></p>
<div class="wide"><table id="table" class="sortable"></table></div>
<h3>When</h3>
<p class="key"><span style="background: var(--forward)"></span>forward<span style="background: var(--backward)"></span>backward<span
style="background: var(--module)"></span>module<span style="background: var(--other)"></span>other</p>
<p class="hint">Drag: move. Ctrl and wheel: zoom. Double click: all of it. Below: live memory.</p>
<canvas id="flame" role="img" aria-label="Activities over time, one inside another"></canvas>
<canvas id="memory" role="img" aria-label="Live memory over time"></canvas>
<p id="tip"></p>
)html";

/// show_profile(profile) fills it; `profile` is what profile_data() gives.
inline constexpr std::string_view profile_script = R"js(
function show_profile(profile) {
  by_id("totals").textContent = profile.date + ": " + time(profile.seconds) + " in all, " + time(profile.outside) +
    " of them the program's own; " + profile.activities + " activities" +
    (profile.events.length < profile.activities ? ", of which the chart has the first " + profile.events.length : "") +
    ", " + bytes(profile.peak_bytes) +
    " live at most; " + profile.threads + " threads." +
    (profile.operation.some(r => r.roof > 1.005 * (r.forward + r.backward) && r.forward + r.backward > 0)
      ? " Above 100 % of roof: out of a cache, or the peaks were measured on a busy machine." : "");
  const share = r => (r.forward + r.backward + r.other) / profile.seconds;
  const rate = x => x > 0 && isFinite(x) ? x.toPrecision(3) : "";
  const bar = (cell, r) => {
    const drawn = add(add(cell, "span", "", {class: "track"}), "span", "", {class: "bar"});
    drawn.style.width = 5 * share(r) + "em";
  };
  const columns = [["", r => r.name], ["calls", r => r.calls], ["forward", r => r.forward, time],
    ["backward", r => r.backward, time], ["other", r => r.other, time],
    ["share", share, x => (100 * x).toFixed(1) + " %", bar],
    ["GFLOP/s", r => r.flops / (r.forward + r.backward) / 1e9, rate],
    ["GB/s", r => r.bytes / (r.forward + r.backward) / 1e9, rate],
    ["of roof", r => r.roof / (r.forward + r.backward), x => x > 0 && isFinite(x) ? (100 * x).toFixed(0) + " %" : ""]];
  const show_table = by => {
    kept.set("profile by", by);
    columns[0][0] = by;
    by_id("table").replaceChildren();
    sortable(by_id("table"), "profile", columns, profile[by], [5, true]);
    for (const other of ["operation", "scope"]) by_id("by-" + other).setAttribute("aria-pressed", other === by);
  };
  for (const by of ["operation", "scope"]) by_id("by-" + by).onclick = () => show_table(by);
  show_table(kept.get("profile by", "operation"));
  show_flame(profile);
}

// Of an event: name, kind, begin, end, depth, shapes, path, live bytes.
function show_flame(profile) {
  const flame = by_id("flame"), memory = by_id("memory"), tip = by_id("tip"), events = profile.events;
  const depth = events.reduce((most, e) => Math.max(most, e[4]), 0) + 1, row = 20;
  const all = [0, Math.max(profile.seconds, 1e-9)];
  let [from, to] = kept.get("flame", all);
  const look = (begin, end) => { [from, to] = [begin, end]; kept.set("flame", [from, to]); draw(); };
  const ends = [...events].sort((a, b) => a[3] - b[3]);
  function draw() {
    let [pen, width] = surface(flame, depth * row + 2);
    const at = s => (s - from) / (to - from) * width;
    const tones = {};
    for (const name of ["forward", "backward", "module", "other", "ink", "paper"]) tones[name] = colour(name);
    for (const [name, kind, begin, end, level] of events) {
      const x = at(begin), w = Math.max(at(end) - x, 0.5);
      if (x > width || x + w < 0) continue;
      pen.fillStyle = tones[kind];
      pen.fillRect(x, level * row + 1, w, row - 2);
      if (w < 30) continue;
      pen.save();
      pen.beginPath();
      pen.rect(x, level * row, w, row);
      pen.clip();
      pen.fillStyle = kind === "backward" ? tones.paper : tones.ink;
      pen.fillText(name, Math.max(x, 0) + 4, level * row + row / 2);
      pen.restore();
    }
    [pen, width] = surface(memory, 80);
    pen.strokeStyle = tones.ink;
    pen.beginPath();
    const most = Math.max(profile.peak_bytes, 1);
    ends.forEach((e, i) => {
      if (i > 0) pen.lineTo(at(e[3]), 74 - 68 * ends[i - 1][7] / most);
      pen.lineTo(at(e[3]), 74 - 68 * e[7] / most);
    });
    pen.stroke();
    const label = "at most " + bytes(profile.peak_bytes) + " live";
    pen.fillStyle = tones.paper;
    pen.fillRect(2, 58, pen.measureText(label).width + 4, 16);
    pen.fillStyle = tones.ink;
    pen.fillText(label, 4, 66);
  }
  const under = (x, y) => {
    const s = from + x / flame.clientWidth * (to - from), level = Math.floor(y / row);
    return events.find(e => e[4] === level && e[2] <= s && s <= e[3]);
  };
  flame.onwheel = e => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    const s = from + e.offsetX / flame.clientWidth * (to - from), factor = e.deltaY > 0 ? 1.25 : 0.8;
    look(s - (s - from) * factor, s + (to - s) * factor);
  };
  let held = null;
  flame.onpointerdown = e => { held = [e.clientX, from, to]; flame.setPointerCapture(e.pointerId); };
  flame.onpointerup = flame.onpointercancel = () => { held = null; };
  flame.onpointermove = e => {
    const found = under(e.offsetX, e.offsetY);
    tip.textContent = found ? found[0] + " (" + found[1] + "), " + time(found[3] - found[2]) + (found[5] ? ", " + found[5] : "") +
      (found[6] ? ", in " + found[6] : "") : "";
    if (held === null) return;
    const shift = (held[0] - e.clientX) / flame.clientWidth * (held[2] - held[1]);
    look(held[1] + shift, held[2] + shift);
  };
  flame.ondblclick = () => look(...all);
  drawings.push(draw);
  draw();
}
)js";

}  // namespace xgrad::detail
