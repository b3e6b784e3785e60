// The page that a profile is written as: one file, which needs no server and no network.
#pragma once

#include <string_view>

namespace xgrad::detail {

/// Before the data, a JSON object in a script of its own.
inline constexpr std::string_view report_head = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Profile</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --line: #cfd6df; --soft: #eef1f5;
  --forward: #7fb2e5; --backward: #1f4e79; --module: #f3d9a4; --other: #8a8f98; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181f; --line: #3a4350; --soft: #1f2630;
  --forward: #4f8fcf; --backward: #b9d6f2; --module: #7a5c1e; --other: #9aa1ab; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 76em; padding: 1em; }
h1 { font-size: 1.4em; margin: 0 0 .2em; }
h2 { font-size: 1.1em; margin: 1.6em 0 .5em; }
button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line); border-radius: 4px;
  padding: .2em .8em; cursor: pointer; }
button[aria-pressed=true] { background: var(--ink); color: var(--paper); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25em .6em; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { cursor: pointer; position: sticky; top: 0; background: var(--paper); }
th[aria-sort=descending]::after { content: " \25BE"; }
th[aria-sort=ascending]::after { content: " \25B4"; }
.bar { display: inline-block; height: .7em; background: var(--backward); margin-left: .5em; vertical-align: baseline; }
.track { display: inline-block; width: 6em; text-align: left; }
canvas { width: 100%; border: 1px solid var(--line); display: block; touch-action: none; }
#tip { min-height: 1.5em; font-variant-numeric: tabular-nums; }
.key span { display: inline-block; width: 1em; height: .8em; margin: 0 .4em 0 1em; border: 1px solid var(--ink); }
</style>
</head>
<body>
<h1>Profile</h1>
<p id="totals"></p>
<h2>Where the time goes</h2>
<p><button id="by-operation" aria-pressed="true">by operation</button>
<button id="by-scope" aria-pressed="false">by scope</button></p>
<div class="wide"><table id="table"><thead></thead><tbody></tbody></table></div>
<h2>When</h2>
<p class="key"><span style="background: var(--forward)"></span>forward<span style="background: var(--backward)"></span>backward<span
style="background: var(--module)"></span>module<span style="background: var(--other)"></span>other.
Wheel: zoom, drag: move, double click: all of it.</p>
<canvas id="flame" role="img" aria-label="Activities over time, one inside another"></canvas>
<canvas id="memory" role="img" aria-label="Live memory over time"></canvas>
<p id="tip"></p>
<script type="application/json" id="data">
)html";

/// Behind it.
inline constexpr std::string_view report_tail = R"html(
</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const time = s => s <= 0 ? "" : s < 1e-6 ? (s * 1e9).toPrecision(3) + " ns" : s < 1e-3 ? (s * 1e6).toPrecision(3) + " us" :
  s < 1 ? (s * 1e3).toPrecision(3) + " ms" : s.toPrecision(3) + " s";
const bytes = b => b < 1e3 ? b + " B" : b < 1e6 ? (b / 1e3).toPrecision(3) + " kB" : b < 1e9 ? (b / 1e6).toPrecision(3) + " MB" :
  (b / 1e9).toPrecision(3) + " GB";
document.getElementById("totals").textContent = data.date + ": " + time(data.seconds) + " in all, " + time(data.outside) +
  " of them the program's own; " + data.events.length + " activities, " + bytes(data.peak_bytes) + " live at most; " +
  data.threads + " threads.";

const columns = [["", r => r.name], ["calls", r => r.calls], ["forward", r => r.forward, time], ["backward", r => r.backward, time],
  ["other", r => r.other, time], ["share", r => (r.forward + r.backward + r.other) / data.seconds, x => (100 * x).toFixed(1) + " %"],
  ["GFLOP/s", r => r.flops / (r.forward + r.backward) / 1e9, x => x > 0 && isFinite(x) ? x.toPrecision(3) : ""],
  ["GB/s", r => r.bytes / (r.forward + r.backward) / 1e9, x => x > 0 && isFinite(x) ? x.toPrecision(3) : ""],
  ["of roof", r => r.roof / (r.forward + r.backward), x => x > 0 && isFinite(x) ? (100 * x).toFixed(0) + " %" : ""]];
let by = "operation", sorted = 5, down = true;
function cell(row, tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  row.appendChild(made);
  return made;
}
function draw_table() {
  const [head, body] = [document.querySelector("#table thead"), document.querySelector("#table tbody")];
  head.replaceChildren();
  body.replaceChildren();
  const titles = head.appendChild(document.createElement("tr"));
  columns.forEach(([name], i) => {
    const title = cell(titles, "th", i === 0 ? by : name);
    if (i === sorted) title.setAttribute("aria-sort", down ? "descending" : "ascending");
    title.onclick = () => { down = sorted === i ? !down : i !== 0; sorted = i; draw_table(); };
  });
  const key = columns[sorted][1];
  const value = r => { const v = key(r); return typeof v === "number" && !isFinite(v) ? -1 : v; };
  const rows = [...data[by]].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (down ? -1 : 1));
  for (const r of rows) {
    const line = body.appendChild(document.createElement("tr"));
    columns.forEach(([, get, show], i) => {
      const made = cell(line, "td", show ? show(get(r)) : get(r));
      if (i !== 5) return;
      const track = made.appendChild(document.createElement("span"));
      track.className = "track";
      const bar = track.appendChild(document.createElement("span"));
      bar.className = "bar";
      bar.style.width = 5 * get(r) + "em";
    });
  }
}
for (const name of ["operation", "scope"])
  document.getElementById("by-" + name).onclick = () => {
    by = name;
    for (const other of ["operation", "scope"])
      document.getElementById("by-" + other).setAttribute("aria-pressed", other === name);
    draw_table();
  };
draw_table();

// Of an event: name, kind, begin, end, depth, shapes, path, live bytes.
const flame = document.getElementById("flame"), memory = document.getElementById("memory"), tip = document.getElementById("tip");
const depth = data.events.reduce((most, e) => Math.max(most, e[4]), 0) + 1, row = 20;
let from = 0, to = Math.max(data.seconds, 1e-9);
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
function draw() {
  const style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue("--" + name).trim();
  let [pen, width] = surface(flame, depth * row + 2);
  const at = s => (s - from) / (to - from) * width;
  for (const [name, kind, begin, end, level] of data.events) {
    const x = at(begin), w = Math.max(at(end) - x, 0.5);
    if (x > width || x + w < 0) continue;
    pen.fillStyle = colour(kind);
    pen.fillRect(x, level * row + 1, w, row - 2);
    if (w < 30) continue;
    pen.save();
    pen.beginPath();
    pen.rect(x, level * row, w, row);
    pen.clip();
    pen.fillStyle = kind === "backward" ? colour("paper") : colour("ink");
    pen.fillText(name, Math.max(x, 0) + 4, level * row + row / 2);
    pen.restore();
  }
  [pen, width] = surface(memory, 80);
  pen.strokeStyle = colour("ink");
  pen.beginPath();
  const most = Math.max(data.peak_bytes, 1);
  const ends = [...data.events].sort((a, b) => a[3] - b[3]);
  ends.forEach((e, i) => {
    const y = 74 - 68 * e[7] / most;
    if (i > 0) pen.lineTo(at(e[3]), 74 - 68 * ends[i - 1][7] / most);
    pen.lineTo(at(e[3]), y);
  });
  pen.stroke();
  pen.fillStyle = colour("ink");
  pen.fillText("at most " + bytes(data.peak_bytes) + " live", 4, 66);
}
function under(x, y) {
  const s = from + x / flame.clientWidth * (to - from), level = Math.floor(y / row);
  return data.events.find(e => e[4] === level && e[2] <= s && s <= e[3]);
}
flame.onmousemove = e => {
  const found = under(e.offsetX, e.offsetY);
  tip.textContent = found ? found[0] + " (" + found[1] + "), " + time(found[3] - found[2]) + (found[5] ? ", " + found[5] : "") +
    (found[6] ? ", in " + found[6] : "") : "";
};
flame.onwheel = e => {
  e.preventDefault();
  const s = from + e.offsetX / flame.clientWidth * (to - from), factor = e.deltaY > 0 ? 1.25 : 0.8;
  [from, to] = [s - (s - from) * factor, s + (to - s) * factor];
  draw();
};
let held = null;
flame.onpointerdown = e => { held = [e.clientX, from, to]; flame.setPointerCapture(e.pointerId); };
flame.onpointerup = () => { held = null; };
flame.onpointermove = e => {
  if (held === null) return;
  const shift = (held[0] - e.clientX) / flame.clientWidth * (held[2] - held[1]);
  [from, to] = [held[1] + shift, held[2] + shift];
  draw();
};
flame.ondblclick = () => { [from, to] = [0, Math.max(data.seconds, 1e-9)]; draw(); };
window.onresize = draw;
matchMedia("(prefers-color-scheme: dark)").onchange = draw;
draw();
</script>
</body>
</html>
)html";

}  // namespace xgrad::detail
