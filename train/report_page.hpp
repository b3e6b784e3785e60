// The page that shows a training: its styles, and its body around the profile's.
#pragma once

#include <string_view>

namespace xgrad::train::detail {

inline constexpr std::string_view report_styles = R"css(
:root { --training: #1f4e79; --validation: #b8500a; --shade: 31 78 121; --good: #2c6e49; --bad: #9c2f2f; }
@media (prefers-color-scheme: dark) { :root { --training: #86b8e8; --validation: #f2a65e; --shade: 134 184 232;
  --good: #7cc79b; --bad: #ef8f8f; } .confusion td.middle { color: var(--paper); } }
header { border-bottom: 1px solid var(--line); padding-bottom: .8em; }
#state { font-size: 1.05em; margin: .2em 0; overflow-wrap: anywhere; }
#state b { border: 1px solid currentColor; border-radius: 4px; padding: 0 .5em; margin-right: .4em; }
#state.running b, #state.finished b { color: var(--good); }
#state.failed b { color: var(--bad); }
#state.failed b::before { content: "\26A0\FE0E\00A0"; }
progress { width: 100%; height: .6em; accent-color: var(--training); }
nav { display: flex; flex-wrap: wrap; gap: .2em 1.2em; margin-top: .6em; }
nav a { color: inherit; }
#figures { display: flex; flex-wrap: wrap; gap: .6em; margin: 1em 0 0; }
#figures div { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .4em .9em; }
#figures dt { color: var(--faint); font-size: .85em; }
#figures dd { margin: 0; font-size: 1.2em; font-variant-numeric: tabular-nums; }
#charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27em), 1fr)); gap: 1em; }
.chart { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .6em .7em .4em; min-width: 0; }
.chart figcaption { display: flex; flex-wrap: wrap; align-items: center; gap: .1em .9em; }
.chart figcaption button { margin-left: auto; padding: 0 .6em; font-size: .85em; }
.chart canvas { margin-top: .3em; cursor: crosshair; touch-action: pan-y; }
.chart output { display: block; min-height: 1.5em; font-size: .9em; font-variant-numeric: tabular-nums; }
.name { font-weight: 600; }
.legend { font-size: .85em; white-space: nowrap; }
.legend::before { content: ""; display: inline-block; width: 1.8em; margin-right: .4em; vertical-align: middle;
  border-top: 2px solid var(--training); }
.legend.second::before { border-top: 2px dashed var(--validation); }
#zoom { margin-left: .5em; }
.confusion th, .confusion td { padding: .15em .3em; min-width: 2.3em; text-align: center; white-space: nowrap; }
.confusion th { font-weight: normal; color: var(--faint); }
.confusion th.side { text-align: right; white-space: nowrap; max-width: 12em; overflow: hidden; text-overflow: ellipsis; }
.confusion td { border: 1px solid var(--line); background: rgb(var(--shade) / var(--share, 0)); cursor: pointer; }
.confusion td.strong { color: var(--paper); }
.confusion td.right { font-weight: 600; border: 2px solid var(--ink); }
.confusion td[aria-pressed=true] { outline: 3px solid var(--validation); outline-offset: -3px; }
#worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(8em, 1fr)); gap: .8em; }
#worst figure { margin: 0; font-size: .85em; border: 1px solid var(--line); border-radius: 6px; padding: .5em; }
#worst figure.wrong { border: 2px solid var(--bad); }
#worst canvas { width: 100%; image-rendering: pixelated; border-radius: 3px; margin-bottom: .3em; }
#worst figcaption b { font-size: 1.1em; }
#worst span { display: block; color: var(--faint); overflow-wrap: anywhere; }
#worst .odds { height: .45em; background: var(--line); border-radius: 2px; margin: .15em 0 .25em; }
#worst .odds i { display: block; height: 100%; background: var(--backward); border-radius: 2px; min-width: 1px; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .7em; overflow-x: auto;
  font-size: .9em; line-height: 1.35; }
#graph-view { border: 1px solid var(--line); border-radius: 6px; overflow: hidden; margin-top: .5em; }
#graph-view svg { display: block; width: 100%; height: 24em; cursor: grab; touch-action: pan-y; }
#graph-view svg > g > polygon { fill: none; stroke: none; }
#graph-view text { fill: #1c2430; }
.facts td { vertical-align: top; padding: .15em 1.2em .15em 0; overflow-wrap: anywhere; }
.facts td:first-child { color: var(--faint); white-space: nowrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27em), 1fr)); gap: 0 2em; }
[hidden] { display: none !important; }
)css";

inline constexpr std::string_view report_body_before_profile = R"html(
<header>
<h1 id="title">Training</h1>
<p id="state" role="status"></p>
<p class="hint"><span id="written"></span> <label id="follow" hidden><input type="checkbox" id="following"> look again
every few seconds</label></p>
<progress id="progress" aria-label="Epochs done"></progress>
<nav><a href="#curves">Curves</a><a href="#mistakes" id="to-mistakes">Mistakes</a><a href="#model">Model</a><a
href="#graph">Graph</a><a href="#profile">Profile</a><a href="#about">Machine and options</a></nav>
</header>
<dl id="figures"></dl>
<section id="curves">
<h2>Curves</h2>
<p><span id="range"></span><button id="zoom" hidden>all epochs</button></p>
<div id="charts"></div>
<p class="hint">Drag across a chart: zoom. Ctrl and wheel: zoom. Double click: all epochs. Arrow keys: from epoch to epoch.</p>
</section>
<section id="mistakes">
<h2>Mistakes</h2>
<p id="mistaken"></p>
<div class="wide"><table id="confusion" class="confusion"></table></div>
<p class="hint" id="confusion-hint"></p>
<h3>The worst samples</h3>
<p class="hint" id="worst-hint"></p>
<div id="worst"></div>
</section>
<section id="model">
<h2>Model</h2>
<pre id="summary"></pre>
<div class="wide"><table id="parameters" class="sortable"></table></div>
</section>
<section id="graph">
<h2>The graph of one batch's loss</h2>
<p id="graph-remark"></p>
<p id="graph-buttons"><button id="graph-in">closer</button> <button id="graph-out">further</button> <button
id="graph-all">all of it</button></p>
<div id="graph-view"></div>
<p class="hint" id="graph-hint">Drag: move. Ctrl and wheel: zoom. Values flow from left to right; each box has its operation,
shape and options; parameters are orange, constants grey.</p>
</section>
<section id="profile">
<h2 id="profile-title">Profile</h2>
<p id="profile-remark"></p>
<div id="profile-view">
)html";

inline constexpr std::string_view report_body_after_profile = R"html(
</div>
</section>
<section id="about">
<h2>Machine and options</h2>
<div class="columns"><div class="wide"><table class="facts" id="machine"></table></div>
<div class="wide"><table class="facts" id="options"></table></div></div>
</section>
)html";

}  // namespace xgrad::train::detail
