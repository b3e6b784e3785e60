// What the page of a training does in the browser.
#pragma once

#include <string_view>

namespace xgrad::train::detail {

/// After report_chart_script.
inline constexpr std::string_view report_script = R"js(
function show_state() {
  const done = epochs.length, column = data.columns.length - 1, times = data.rows.map(row => row[column]);
  const state = by_id("state"), is_running = data.state === "running";
  const ago = Date.now() / 1000 - data.written, longest = times.reduce((most, s) => Math.max(most, s), 0);
  by_id("progress").max = Math.max(1, data.epochs);
  let text = data.sentence;
  if (is_running) {
    const recent = times.slice(-Math.max(5, done / 4)), mean = recent.reduce((sum, s) => sum + s, 0) / Math.max(1, recent.length);
    const {batch, batches, loss} = data.progress, share = batches ? batch / batches : 0;
    const left = (data.epochs - done - share) * mean;
    text = "epoch " + Math.min(done + 1, data.epochs) + " of " + data.epochs +
      (batch ? ", batch " + batch + " of " + batches + ", loss so far " + number(loss) : "") +
      (done && left > 0 ? ", about " + time(left) + " left" : "");
    by_id("progress").value = done + share;
    if (ago > Math.max(60, 10 * longest))
      text += ". No news for " + time(ago) + ": an epoch takes long, or the program is gone";
  }
  add(state, "b", data.state);
  state.append(text + ".");
  state.className = data.state;
  by_id("progress").hidden = by_id("follow").hidden = !is_running;
  const clock = seconds => new Date(1000 * seconds).toLocaleString();
  by_id("written").textContent = "Begun " + clock(data.began) + ", written " + clock(data.written) + ".";
  by_id("title").textContent = "Training of " + data.model.split(",")[0];
  document.title = (is_running ? done + "/" + data.epochs + " " : "") + "Training of " + data.model.split(",")[0];
  const figure = (name, text) => {
    const card = add(by_id("figures"), "div");
    add(card, "dt", name);
    add(card, "dd", text);
  };
  const last = data.rows[done - 1];
  if (!last) return;
  figure("epochs", done + " of " + data.epochs);
  data.columns.forEach((name, i) => {
    if (i > 0 && i < data.columns.length - 2) figure(name.replaceAll("_", " "), number(last[i]));
  });
  if (data.best_epoch) figure("best epoch", data.best_epoch);
  figure("time", time(times.reduce((sum, s) => sum + s, 0)));
}

function show_curves() {
  if (epochs.length === 0) { set_range(null); return; }
  const column = name => data.rows.map(row => row[data.columns.indexOf(name)]);
  const both = name => [["training", column(name)]].concat(
    data.has_validation ? [["validation", column("validation_" + name)]] : []);
  for (const name of ["loss", ...data.metrics]) new Chart(name, both(name));
  new Chart("learning rate", [["learning rate", column("learning_rate")]]);
  const norms = new Map(data.norms.map(([epoch, ...both]) => [epoch, both]));
  // A word in the place of a number: it was not measured.
  const measured = v => typeof v === "string" ? undefined : v;
  const norm = i => epochs.map(epoch => norms.has(epoch) ? measured(norms.get(epoch)[i]) : undefined);
  new Chart("norm of the gradients", [["gradients", norm(0)]]);
  new Chart("norm of the weights", [["weights", norm(1)]]);
  new Chart("time an epoch", [["time", column("seconds")]], (s, digits) => s === null ? "" : time(s, digits));
  by_id("zoom").onclick = () => set_range(null);
  const last = epochs[epochs.length - 1];
  range !== null && range[1] <= last ? set_range(...range) : set_range(null);
  drawings.push(() => { for (const chart of charts) chart.draw(); });
}

const class_name = c => data.class_names[c] === undefined ? String(c) : data.class_names[c];
// Never 100 % of what is not all, nor 0 % of what is not nothing.
const percent = p => p === null || isNaN(p) ? "?" : p > 0 && p < 0.0005 ? "< 0.1\u00A0%" : p > 0.9994 && p < 1 ? "> 99.9\u00A0%" :
  (100 * p).toFixed(p > 0 && p < 0.1 || p > 0.99 && p < 1 ? 1 : 0) + "\u00A0%";

function show_mistakes() {
  const found = data.mistakes;
  if (!found) {
    by_id("mistakes").hidden = by_id("to-mistakes").hidden = true;
    return;
  }
  by_id("mistaken").textContent = "After epoch " + found.epoch + " the model is right on " + found.right + " of " + found.samples +
    " validation samples (" + percent(found.right / found.samples) + ")." +
    (found.not_numbers ? " Not among them: " + found.not_numbers + " of which it predicts NaN." : "");
  found.is_matrix ? show_matrix(found) : show_pairs(found);
  show_worst(found, null);
}
function show_matrix(found) {
  const table = by_id("confusion"), counts = new Map(found.confusions.map(([t, p, n]) => [t + " " + p, n]));
  const classes = [...Array(found.classes).keys()];
  const head = add(table, "tr");
  add(head, "th", "truth \\ prediction", {class: "side"});
  for (const p of classes) add(head, "th", class_name(p));
  add(head, "th", "recall");
  for (const t of classes) {
    const row = add(table, "tr"), of = p => counts.get(t + " " + p) || 0;
    add(row, "th", class_name(t), {class: "side"});
    const all = classes.reduce((sum, p) => sum + of(p), 0);
    for (const p of classes) {
      const n = of(p), share = Math.sqrt(n / Math.max(1, all));
      const cell = add(row, "td", n || "", {title: n + " of " + all + " of class " + class_name(t) + ", taken for " + class_name(p),
        tabindex: 0, "aria-pressed": false, class: (t === p ? "right " : "") + (share > 0.7 ? "strong" : share > 0.6 ? "middle" : "")});
      cell.style.setProperty("--share", share.toFixed(3));
      cell.onclick = () => {
        const on = cell.getAttribute("aria-pressed") !== "true";
        for (const other of table.querySelectorAll("td")) other.setAttribute("aria-pressed", other === cell && on);
        show_worst(found, on ? [t, p] : null);
      };
      cell.onkeydown = e => { if (e.key === "Enter") cell.click(); };
    }
    add(row, "th", all ? percent(of(t) / all) : "");
  }
  by_id("confusion-hint").textContent = "A row for each true class, a column for what was predicted; the stronger its colour, the " +
    "larger a part of the row. Click a cell: the worst samples of it alone.";
}
function show_pairs(found) {
  by_id("confusion").className = "sortable";
  sortable(by_id("confusion"), "confusion", [["truth", r => class_name(r[0])], ["taken for", r => class_name(r[1])],
    ["samples", r => r[2]]], found.confusions, [2, true]);
  by_id("confusion-hint").textContent = "What is mistaken for what most often, of " + found.classes + " classes.";
}
function show_worst(found, pair) {
  const shown = found.worst.filter(s => pair === null || s.truth === pair[0] && s.predicted === pair[1]);
  by_id("worst-hint").textContent = shown.length === 0 ? "None of the " + found.worst.length + " worst samples is among these." :
    "Those of the greatest cross-entropy; numbers count the validation samples from 0, in the order of their pass.";
  by_id("worst").replaceChildren();
  for (const sample of shown) {
    const figure = add(by_id("worst"), "figure");
    const label = {role: "img", "aria-label": "sample " + sample.number};
    if (sample.picture) draw_picture(add(figure, "canvas", undefined, label), sample.picture);
    const text = add(figure, "figcaption");
    const odds = (before, c, p) => {
      add(add(text, "div", before), "b", class_name(c)).after(":\u00A0" + percent(p));
      add(add(text, "div", "", {class: "odds"}), "i").style.width = 100 * (p || 0) + "%";
    };
    const is_right = sample.truth === sample.predicted;
    odds(is_right ? "\u2713 is " : "\u2717 is ", sample.truth, sample.probability_of_truth);
    if (!is_right) odds("\u2003said ", sample.predicted, sample.probability);
    figure.className = is_right ? "right" : "wrong";
    add(text, "span", "loss " + number(sample.loss));
    add(text, "span", "number " + sample.number);
  }
}
function draw_picture(canvas, picture) {
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const pen = canvas.getContext("2d"), image = pen.createImageData(picture.width, picture.height);
  for (let i = 0; i < picture.width * picture.height; ++i) {
    for (let c = 0; c < 3; ++c) {
      const at = 2 * (picture.channels * i + Math.min(c, picture.channels - 1));
      image.data[4 * i + c] = parseInt(picture.pixels.slice(at, at + 2), 16);
    }
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

function show_model() {
  by_id("summary").textContent = data.summary || "The summary comes with the first batch.";
  if (!data.parameters) return;
  const norm = v => v === null ? "" : number(v);
  sortable(by_id("parameters"), "parameters", [["parameter", r => r.name], ["shape", r => r.shape], ["elements", r => r.elements],
    ["norm", r => r.weight, norm], ["of its gradient", r => r.gradient, norm],
    ["gradient / weight", r => r.gradient === null ? null : r.gradient / r.weight, v => v === null || !isFinite(v) ? "" : number(v)]],
    data.parameters, [2, true]);
}

function show_graph() {
  const graph = data.graph || {remark: "The graph comes with the first batch, or a little later."};
  const svg = graph.svg && new DOMParser().parseFromString(graph.svg, "image/svg+xml").documentElement;
  // Graphviz hands on what XML cannot have, such as a control character in a parameter's name.
  const is_picture = svg && svg.hasAttribute("viewBox") && !svg.querySelector("parsererror");
  by_id("graph-remark").textContent = graph.remark || (svg && !is_picture ?
    "The graph was drawn, but the picture cannot be read; is there a control character in a parameter's name?" : "");
  by_id("graph-buttons").hidden = by_id("graph-hint").hidden = by_id("graph-view").hidden = !is_picture;
  if (!is_picture) return;
  by_id("graph-view").append(document.importNode(svg, true));
  const shown = by_id("graph-view").firstElementChild, all = shown.getAttribute("viewBox").split(" ").map(Number);
  for (const title of shown.querySelectorAll("title")) title.remove();
  shown.removeAttribute("width");
  shown.removeAttribute("height");
  shown.setAttribute("role", "img");
  shown.setAttribute("aria-label", "The graph that the loss was computed by");
  let box = kept.get("graph", all);
  const look = next => { box = next; kept.set("graph", box); shown.setAttribute("viewBox", box.join(" ")); };
  // Both ways as many units of the picture to a pixel.
  const unit = () => Math.max(box[2] / shown.clientWidth, box[3] / shown.clientHeight);
  const scale = (factor, x, y) => look([x - (x - box[0]) * factor, y - (y - box[1]) * factor, box[2] * factor, box[3] * factor]);
  const middle = () => [box[0] + box[2] / 2, box[1] + box[3] / 2];
  by_id("graph-in").onclick = () => scale(0.7, ...middle());
  by_id("graph-out").onclick = () => scale(1 / 0.7, ...middle());
  by_id("graph-all").onclick = () => look(all);
  let held = null;
  shown.onpointerdown = e => { held = [e.clientX, e.clientY, box]; shown.setPointerCapture(e.pointerId); };
  shown.onpointerup = shown.onpointercancel = () => { held = null; };
  shown.onpointermove = e => {
    if (held) look([held[2][0] - (e.clientX - held[0]) * unit(), held[2][1] - (e.clientY - held[1]) * unit(), held[2][2], held[2][3]]);
  };
  shown.addEventListener("wheel", e => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    const [x, y] = middle(), place = shown.getBoundingClientRect();
    scale(e.deltaY > 0 ? 1.25 : 0.8, x + (e.clientX - place.left - place.width / 2) * unit(),
          y + (e.clientY - place.top - place.height / 2) * unit());
  }, {passive: false});
  look(box);
}

function show_facts(table, facts) {
  for (const [name, text] of facts) {
    const row = add(table, "tr");
    add(row, "td", name);
    add(row, "td", text);
  }
}

function show_batches() {
  const profile = data.profile || {remark: "The profile comes after the first batches."};
  by_id("profile-remark").textContent = profile.remark || "";
  by_id("profile-view").hidden = !profile.events;
  if (!profile.events) return;
  by_id("profile-title").textContent = "Profile of " + profile.which + " of this run";
  show_profile(profile);
}
function show_about() {
  show_facts(by_id("machine"), data.machine);
  show_facts(by_id("options"), data.options);
}

// A part that fails is the browser's to tell of, and takes no other with it.
for (const show of [show_state, show_curves, show_mistakes, show_model, show_graph, show_batches, show_about]) {
  try { show(); } catch (error) { setTimeout(() => { throw error; }); }
}

// The keyboard goes on from where it was: a stop is known by its kind and its place among these.
const stops = tag => [...document.querySelectorAll("a, button, input, [tabindex]")].filter(stop => stop.tagName === tag);
addEventListener("pagehide", () => {
  const stop = document.activeElement;
  kept.set("focus", [stop.tagName, stops(stop.tagName).indexOf(stop)]);
});
const [tag, place] = kept.get("focus", ["", 0]);
stops(tag)[place]?.focus({preventScroll: true});
history.scrollRestoration = "manual";
if (kept.get("scroll", 0) > 0) {
  scrollTo(0, kept.get("scroll"));
  addEventListener("load", () => scrollTo(0, kept.get("scroll")), {once: true});
}
addEventListener("scroll", () => kept.set("scroll", scrollY), {passive: true});
// While it runs the file is written again and again. Nobody who is reading or drawing is disturbed.
if (data.state === "running") {
  const following = by_id("following");
  following.checked = kept.get("following", true);
  following.onchange = () => kept.set("following", following.checked);
  let touched = -Infinity;
  for (const what of ["pointermove", "pointerdown", "keydown", "wheel", "scroll"])
    addEventListener(what, () => { touched = performance.now(); }, {passive: true});
  setInterval(() => {
    if (following.checked && document.visibilityState === "visible" && performance.now() - touched > 1500) location.reload();
  }, 2500);
}
)js";

}  // namespace xgrad::train::detail
