// The curves on the page of a training.
#pragma once

#include <string_view>

namespace xgrad::train::detail {

/// Curves over epochs, which share their range and their cursor.
inline constexpr std::string_view report_chart_script = R"js(
const epochs = data.rows.map(row => row[0]);
// With four digits, or as many more as tell the marks of an axis apart.
const number = (v, digits = 0) => v === null || v === undefined ? "not finite" : v === 0 ? "0" :
  Math.abs(v) >= 1e6 || Math.abs(v) < 1e-4 ? v.toExponential(Math.max(2, digits - 1)) : String(+v.toPrecision(Math.max(4, digits)));
// The first and the last epoch that are shown, null for all; and the place among `epochs` that is read.
let range = kept.get("range", null), cursor = null;
const charts = [];

function set_range(from, to) {
  range = from === null || to - from < 1 ? null : [from, to];
  kept.set("range", range);
  by_id("zoom").hidden = range === null;
  const shown = range === null ? "" : "Epochs " + Math.ceil(range[0]) + " to " + Math.floor(range[1]);
  by_id("range").textContent = shown || (epochs.length ? "" : "There will be curves after the first epoch.");
  for (const chart of charts) chart.draw();
}
function set_cursor(place) {
  cursor = place === null ? null : Math.max(0, Math.min(epochs.length - 1, place));
  for (const chart of charts) chart.paint();
}

// Where an axis has its marks: about `count` of them, at 1, 2 or 5 times a power of ten.
function marks(low, high, count) {
  const power = 10 ** Math.floor(Math.log10((high - low) / count));
  const step = power * [1, 2, 5, 10].find(s => (high - low) / (s * power) <= count);
  const all = [], first = Math.ceil(low / step - 1e-9);
  for (let k = 0; k <= count + 1 && (first + k) * step <= high + 1e-9 * step; ++k)
    all.push(+((first + k) * step).toPrecision(15));
  return all;
}
// How many digits tell such marks apart.
function digits_of(marks) {
  if (marks.length < 2) return 0;
  const most = Math.max(...marks.map(Math.abs)), step = Math.abs(marks[1] - marks[0]);
  return step > 0 ? Math.min(15, Math.floor(Math.log10(most)) - Math.floor(Math.log10(step)) + 1) : 0;
}
function log_marks(low, high) {
  const all = [], many = Math.log10(high / low) > 3;
  for (let power = Math.max(-323, Math.floor(Math.log10(low))); power <= Math.min(308, Math.log10(high)); ++power)
    for (const s of many ? [1] : [1, 2, 5]) if (s * 10 ** power >= low && s * 10 ** power <= high) all.push(s * 10 ** power);
  return all.length > 1 ? all : [low, high];
}

// Where a line goes: [x, value] of each epoch in the range and its neighbours, null at a gap. Of many more epochs than pixels
// only the least and the greatest value of each pixel are there, which look the same.
function points_of(values, usable, range, x_of, is_dense) {
  const points = [], [first, last] = [Math.max(0, Math.floor(range[0]) - epochs[0] - 1), Math.ceil(range[1]) - epochs[0] + 1];
  let pixel = null, low = 0, high = 0;
  const flush = () => { if (pixel !== null) points.push([pixel, low], [pixel, high]); pixel = null; };
  for (let i = first; i <= last && i < epochs.length; ++i) {
    const x = x_of(epochs[i]), v = values[i];
    if (!usable(v)) { flush(); points.push(null); continue; }
    if (!is_dense) { points.push([x, v]); continue; }
    if (pixel !== Math.floor(x)) {
      flush();
      pixel = Math.floor(x);
      low = high = v;
    }
    if (v < low) low = v;
    if (v > high) high = v;
  }
  flush();
  return points;
}

class Chart {
  // `lines` are [name, a value for each epoch]: the first one solid with dots, the second one dashed with squares.
  constructor(title, lines, show = number) {
    [this.title, this.lines, this.show] = [title, lines, show];
    this.is_log = kept.get("log " + title, false);
    const figure = add(by_id("charts"), "figure", undefined, {class: "chart"});
    const caption = add(figure, "figcaption");
    add(caption, "span", title, {class: "name"});
    if (lines.length > 1) lines.forEach(([name], i) => add(caption, "span", name, {class: i ? "legend second" : "legend"}));
    const button = add(caption, "button", "log", {"aria-pressed": this.is_log, title: "a logarithmic scale"});
    button.onclick = () => {
      this.is_log = !this.is_log;
      kept.set("log " + title, this.is_log);
      button.setAttribute("aria-pressed", this.is_log);
      this.draw();
    };
    this.canvas = add(figure, "canvas", undefined, {tabindex: 0, role: "img", "aria-label": title + " over epochs"});
    this.reading = add(figure, "output");
    this.listen();
    charts.push(this);
  }

  listen() {
    const canvas = this.canvas;
    let begin = null;
    canvas.onpointerdown = e => { begin = e.offsetX; canvas.setPointerCapture(e.pointerId); };
    canvas.onpointermove = e => {
      this.marked = begin === null ? null : [begin, e.offsetX];
      set_cursor(this.place_at(e.offsetX));
    };
    canvas.onpointerup = e => {
      const marked = begin === null ? null : [Math.min(begin, e.offsetX), Math.max(begin, e.offsetX)];
      begin = this.marked = null;
      if (marked && marked[1] - marked[0] > 6) set_range(...marked.map(x => Math.round(this.epoch_at(x))));
      else this.paint();
    };
    canvas.onpointercancel = () => { begin = this.marked = null; };
    canvas.onpointerleave = () => { if (begin === null) set_cursor(null); };
    canvas.ondblclick = () => set_range(null);
    canvas.onkeydown = e => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[e.key];
      if (step === undefined) return;
      e.preventDefault();
      set_cursor(cursor === null ? epochs.length - 1 : cursor + step);
    };
    canvas.onblur = () => set_cursor(null);
    canvas.addEventListener("wheel", e => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      const [from, to] = this.ends(), at = this.epoch_at(e.offsetX), factor = e.deltaY > 0 ? 1.25 : 0.8;
      const next = [Math.max(epochs[0], at - (at - from) * factor), Math.min(epochs[epochs.length - 1], at + (to - at) * factor)];
      set_range(next[1] - next[0] >= epochs[epochs.length - 1] - epochs[0] ? null : next[0], next[1]);
    }, {passive: false});
  }

  ends() {
    if (range !== null) return range;
    const [from, to] = [epochs[0], epochs[epochs.length - 1]];
    return from === to ? [from - 0.5, to + 0.5] : [from, to];
  }
  epoch_at(x) {
    const [from, to] = this.ends(), share = (x - 56) / (this.canvas.clientWidth - 68);
    return from + Math.max(0, Math.min(1, share)) * (to - from);
  }
  place_at(x) {
    if (epochs.length === 0) return null;
    return Math.max(0, Math.min(epochs.length - 1, Math.round(this.epoch_at(x)) - epochs[0]));
  }

  read() {
    const at = cursor === null ? epochs.length - 1 : cursor;
    const values = this.lines.map(([name, values]) => (this.lines.length > 1 ? name + " " : "") +
      (values[at] === undefined ? "not measured" : this.show(values[at])));
    this.reading.textContent = epochs.length ? "epoch " + epochs[at] + ": " + values.join(", ") : "";
  }

  draw() {
    const height = 190, [pen, width] = surface(this.canvas, height);
    const [left, right, top, bottom] = [56, width - 12, 10, height - 22];
    this.frame = null;
    this.read();
    if (epochs.length === 0 || width === 0) return;
    const [from, to] = this.ends();
    const usable = v => typeof v === "number" && (!this.is_log || v > 0);
    let low = Infinity, high = -Infinity, count = 0;
    epochs.forEach((epoch, i) => {
      if (epoch < from || epoch > to) return;
      ++count;
      for (const [, values] of this.lines)
        if (usable(values[i])) {
          low = Math.min(low, values[i]);
          high = Math.max(high, values[i]);
        }
    });
    pen.fillStyle = colour("faint");
    if (low > high) { pen.fillText(this.is_log ? "nothing above 0 here" : "nothing to draw here", left, height / 2); return; }
    const scale = this.is_log ? Math.log10 : v => v;
    // What differs by rounding alone is a level line: an axis cannot have marks between such numbers.
    if (high - low <= 1e-12 * Math.max(Math.abs(low), Math.abs(high)))
      [low, high] = this.is_log ? [low / 2 || low, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
    const pad = 0.05 * (scale(high) - scale(low)), bounds = [scale(low) - pad, scale(high) + pad];
    const x_of = epoch => left + (epoch - from) / (to - from) * (right - left);
    const y_of = v => bottom - (scale(v) - bounds[0]) / (bounds[1] - bounds[0]) * (bottom - top);

    pen.lineWidth = 1;
    pen.strokeStyle = colour("line");
    pen.textAlign = "right";
    const ends = this.is_log ? bounds.map(b => 10 ** b) : bounds;
    const levels = this.is_log ? log_marks(...ends) : marks(...ends, 5);
    const digits = this.is_log && levels.length > 2 ? 0 : digits_of(levels);
    for (const mark of levels) {
      const y = Math.round(y_of(mark)) + 0.5;
      pen.beginPath(); pen.moveTo(left, y); pen.lineTo(right, y); pen.stroke();
      pen.fillText(this.show(mark, digits) || "0", left - 6, y, left - 8);
    }
    pen.textAlign = "center";
    for (const mark of marks(from, to, Math.max(2, Math.min(8, width / 70))).filter(Number.isInteger))
      pen.fillText(mark, Math.min(x_of(mark), width - pen.measureText(mark).width / 2), bottom + 12);

    const upright = (epoch, text, dash) => {
      if (!epoch || epoch < from || epoch > to) return;
      const x = Math.round(x_of(epoch)) + 0.5;
      pen.setLineDash(dash);
      pen.strokeStyle = colour("faint");
      pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, bottom); pen.stroke();
      pen.setLineDash([]);
      pen.textAlign = x > (left + right) / 2 ? "right" : "left";
      pen.fillText(text, x + (x > (left + right) / 2 ? -4 : 4), top + 4);
    };
    upright(data.best_epoch, "best", [1, 3]);
    upright(data.resumed_after, "resumed", [6, 3, 1, 3]);

    pen.save();
    pen.beginPath(); pen.rect(left - 5, top - 5, right - left + 10, bottom - top + 10); pen.clip();
    this.lines.forEach(([, values], k) => {
      this.draw_line(pen, points_of(values, usable, [from, to], x_of, count > 4 * width), k, count <= 40, y_of);
    });
    pen.restore();
    this.frame = {x_of, y_of, usable, top, bottom, drawn: document.createElement("canvas")};
    [this.frame.drawn.width, this.frame.drawn.height] = [this.canvas.width, this.canvas.height];
    this.frame.drawn.getContext("2d").drawImage(this.canvas, 0, 0);
    this.paint();
  }

  // What moves with the pointer, on what was drawn before.
  paint() {
    this.read();
    if (!this.frame) return;
    const {x_of, y_of, usable, top, bottom, drawn} = this.frame, pen = this.canvas.getContext("2d");
    pen.save();
    pen.resetTransform();
    pen.clearRect(0, 0, drawn.width, drawn.height);
    pen.drawImage(drawn, 0, 0);
    pen.restore();
    if (this.marked) {
      pen.globalAlpha = 0.2;
      pen.fillStyle = colour("ink");
      pen.fillRect(this.marked[0], top, this.marked[1] - this.marked[0], bottom - top);
      pen.globalAlpha = 1;
    }
    const [from, to] = this.ends();
    if (cursor === null || epochs[cursor] < from || epochs[cursor] > to) return;
    const x = Math.round(x_of(epochs[cursor])) + 0.5;
    pen.strokeStyle = colour("ink");
    pen.lineWidth = 1;
    pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, bottom); pen.stroke();
    this.lines.forEach(([, values], k) => {
      if (!usable(values[cursor])) return;
      pen.fillStyle = colour(k ? "validation" : "training");
      pen.beginPath(); pen.arc(x, y_of(values[cursor]), 4, 0, 7); pen.fill();
    });
  }

  draw_line(pen, points, k, has_dots, y_of) {
    pen.strokeStyle = pen.fillStyle = colour(k ? "validation" : "training");
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.setLineDash(k ? [7, 4] : []);
    pen.beginPath();
    points.forEach((point, i) => {
      if (point === null) return;
      i > 0 && points[i - 1] ? pen.lineTo(point[0], y_of(point[1])) : pen.moveTo(point[0], y_of(point[1]));
    });
    pen.stroke();
    pen.setLineDash([]);
    if (!has_dots) return;
    for (const point of points) {
      if (point === null) continue;
      const [x, y] = [point[0], y_of(point[1])];
      pen.beginPath();
      k ? pen.rect(x - 2.5, y - 2.5, 5, 5) : pen.arc(x, y, 2.5, 0, 7);
      pen.fill();
    }
  }
}
)js";

}  // namespace xgrad::train::detail
