"use strict";
(() => {
  const DAY = 86400;
  const byId = (id) => document.getElementById(id);
  let data = JSON.parse(byId("data").textContent);
  const charts = new Map();

  // ---- words and numbers -------------------------------------------------------------------
  const node = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined && text !== null) made.textContent = text;
    return made;
  };
  const seconds = (s) => {
    if (s === null || s === undefined) return "–";
    if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
    const minutes = Math.floor(s / 60);
    if (minutes < 60) return `${minutes} min ${String(Math.round(s % 60)).padStart(2, "0")} s`;
    return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  };
  const size = (n) => {
    if (n === null || n === undefined) return "–";
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit += 1; }
    return `${!unit || n >= 100 ? Math.round(n) : n.toFixed(n < 10 ? 2 : 1)} ${units[unit]}`;
  };
  // On an axis: short, and the same unit all along.
  const ticks = (values) => {
    const most = Math.max(...values);
    if (most < 120) return values.map((v) => `${v} s`);
    if (most < 7200) return values.map((v) => `${Math.round(v / 6) / 10} min`);
    return values.map((v) => `${Math.round(v / 360) / 10} h`);
  };
  const percent = (ratio) => (ratio === null ? "–" : `${(100 * ratio).toFixed(1)} %`);
  const date = (at) => new Date(at * 1000).toISOString().slice(0, 10);
  const moment = (at) => `${date(at)} ${new Date(at * 1000).toISOString().slice(11, 16)} UTC`;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  // On an axis of time, in UTC: the hour or the day, with day or year where it is a new one.
  const day = (at, before, step) => {
    const d = new Date(at * 1000);
    const name = `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
    if (step < DAY) return `${d.toISOString().slice(11, step < 60 ? 19 : 16)}${before === undefined || date(before) !== date(at) ? `\n${name}` : ""}`;
    const year = before === undefined || date(before).slice(0, 4) !== date(at).slice(0, 4);
    return `${step >= 28 * DAY ? MONTHS[d.getUTCMonth()] : name}${year ? `\n${d.getUTCFullYear()}` : ""}`;
  };
  const ago = (at) => {
    const s = Math.max(0, data.generated - at);
    if (s < 3600) return `${Math.round(s / 60)} min ago`;
    if (s < 2 * DAY) return `${Math.round(s / 3600)} h ago`;
    return `${Math.round(s / DAY)} days ago`;
  };
  const quantile = (sorted, share) => {
    if (!sorted.length) return null;
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const hue = (index) => colour(`--s${index % 8}`);
  const row = (cells, tag = "td") => {
    const made = node("tr");
    for (const cell of cells) {
      const [text, className] = Array.isArray(cell) ? cell : [cell, ""];
      const box = node(tag, className);
      if (text instanceof Node) box.append(text);
      else box.textContent = text ?? "–";
      made.append(box);
    }
    return made;
  };
  const link = (url, text) => {
    if (!url || !/^https?:\/\//.test(url)) return node("span", "", text);
    const made = node("a", "", text);
    made.href = url;
    made.rel = "noreferrer";
    return made;
  };

  // ---- what is chosen ----------------------------------------------------------------------
  const chosen = { target: "", branch: "", days: 30 };
  const fill = (select, first, names, value) => {
    select.replaceChildren(new Option(first, ""));
    for (const name of names) select.append(new Option(name, name));
    select.value = names.includes(value) ? value : "";
    return select.value;
  };
  const readHash = () => {
    const hash = new URLSearchParams(location.hash.slice(1));
    chosen.target = hash.get("target") ?? "";
    chosen.branch = hash.get("branch") ?? "";
    const days = Number(hash.get("days") ?? 30);
    chosen.days = [7, 30, 90, 365, 0].includes(days) ? days : 30;
    chosen.target = fill(byId("f-target"), "all targets", data.targets, chosen.target);
    chosen.branch = fill(byId("f-branch"), "all branches", data.branches, chosen.branch);
    byId("f-days").value = String(chosen.days);
  };
  const writeHash = () => {
    chosen.target = byId("f-target").value;
    chosen.branch = byId("f-branch").value;
    chosen.days = Number(byId("f-days").value);
    history.replaceState(null, "", `#${new URLSearchParams(chosen)}`);
    render();
  };
  const since = () => (chosen.days ? data.generated - chosen.days * DAY : 0);
  const targetIndex = () => data.targets.indexOf(chosen.target);
  const wantsTarget = (index) => !chosen.target || index === targetIndex();
  const branchIndex = () => (chosen.branch ? data.branches.indexOf(chosen.branch) : -1);
  // Indices of recent builds that are asked for.
  const points = (from = since()) => {
    const p = data.points;
    const branch = branchIndex();
    const found = [];
    for (let i = 0; i < p.at.length; i += 1) {
      if (p.at[i] >= from && wantsTarget(p.target[i]) && (branch === -1 || p.branch[i] === branch)) found.push(i);
    }
    return found;
  };
  // Whether the builds that are given one by one reach back as far as is asked for.
  const reaches = (from) => data.complete || (data.points.at.length > 0 && data.points.at[0] <= from);
  const binsOf = (from) => {
    const b = data.bins;
    const branch = branchIndex();
    const found = [];
    for (let i = 0; i < b.day.length; i += 1) {
      if (b.branch[i] === branch && wantsTarget(b.target[i]) && (b.day[i] + b.days[i]) * DAY > from) found.push(i);
    }
    return found;
  };

  // ---- charts ------------------------------------------------------------------------------
  const axis = (extra = {}) => ({
    stroke: colour("--muted"), font: "12px system-ui, sans-serif",
    grid: { stroke: colour("--grid"), width: 1 }, ticks: { stroke: colour("--grid"), width: 1 }, ...extra,
  });
  const draw = (id, columns, series, options = {}) => {
    const home = byId(id);
    charts.get(id)?.destroy();
    charts.delete(id);
    home.replaceChildren();
    const count = columns.slice(1).reduce((n, c) => n + c.filter((v) => v !== null && v !== undefined).length, 0);
    home.dataset.values = String(count);
    home.dataset.series = String(series.length);
    if (!count) {
      home.append(node("p", "none", options.none ?? "no builds in this time"));
      return;
    }
    const chart = new uPlot({
      width: Math.max(240, home.clientWidth - 14), height: 225,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { drag: { x: true, y: false } },
      legend: { live: true },
      scales: { x: { time: true, range: options.range }, y: { range: options.yRange } },
      axes: [axis({ space: 70, values: (_, splits, __, ___, step) => splits.map((at, i) => day(at, splits[i - 1], step)) }), axis({ size: 66, values: (_, values) => (options.tick === seconds ? ticks(values) : values.map(options.tick ?? String)) })],
      series: [{ value: (_, at) => (at ? moment(at) : "–") }, ...series.map((s, index) => ({
        stroke: s.colour ?? hue(index), width: s.width ?? 1.75, label: s.label, spanGaps: true,
        dash: s.dash, band: s.band, fill: s.fill, paths: s.dots ? () => null : undefined,
        points: s.points ?? { show: columns[0].length < 60, size: 5 },
        value: (_, v) => (v === null || v === undefined ? "–" : (options.tick ?? String)(v)),
      }))],
      bands: options.bands,
      hooks: { draw: [(u) => options.marks?.(u)] },
    }, columns, home);
    chart.root.setAttribute("role", "img");
    chart.root.setAttribute("aria-label", options.label ?? id);
    charts.set(id, chart);
  };
  // Several series with times of their own on one axis of time.
  const align = (list) => {
    const times = [...new Set(list.flatMap((s) => s.map((v) => v[0])))].sort((a, b) => a - b);
    const at = new Map(times.map((t, i) => [t, i]));
    return [times, ...list.map((s) => {
      const column = new Array(times.length).fill(null);
      for (const [t, value] of s) column[at.get(t)] = value;
      return column;
    })];
  };
  const zeroUp = (_, low, high) => [0, high > 0 ? high * 1.08 : 1];
  // The chosen time, or as much of it as there were builds in.
  const span = () => {
    const first = Math.min(...data.points.at.slice(0, 1), ...data.bins.day.slice(0, 1).map((d) => (data.complete ? Infinity : d * DAY)), data.generated - 3600);
    const start = Math.max(since(), first - 0.03 * (data.generated - first));
    return () => [start, data.generated];
  };

  // ---- parts -------------------------------------------------------------------------------
  const shownStates = () => data.states.filter((s) => (!chosen.target || s.target === chosen.target));
  const stateOf = (target) => {
    const own = shownStates().filter((s) => s.target === target && (!chosen.branch || s.branch === chosen.branch));
    return own.sort((a, b) => b.started - a.started)[0];
  };
  const kind = (s) => (s.result === "failed" ? (s.infrastructure ? "broken" : "failed") : s.result === "skipped" ? "skipped" : "passed");
  const words = { passed: "passed", failed: "failed", broken: "machine failed", skipped: "not proven" };
  const renderStates = () => {
    const states = data.targets.map(stateOf).filter(Boolean);
    byId("states").replaceChildren(...states.map((s) => {
      const tile = node("article", `tile ${kind(s)}`);
      const head = node("h3", "", s.target);
      head.append(node("span", "chip", words[kind(s)]));
      const about = node("p");
      about.append(link(s.url, s.version), ` · ${s.branch ?? "no branch"} · ${s.strategy}`);
      const streak = s.streak > 1 ? `, ${s.streak} in a row` : "";
      tile.append(head, about, node("p", "", `${seconds(s.seconds)} · ${size(s.size)} · ${ago(s.started)}${streak}`));
      return tile;
    }));
    if (!states.length) byId("states").append(node("p", "muted", "no builds recorded"));
    const bad = states.filter((s) => kind(s) === "failed");
    const broken = states.filter((s) => kind(s) === "broken");
    const unproven = states.filter((s) => kind(s) === "skipped");
    const all = states.length;
    let verdict = all === 1 ? "The target works" : all === 2 ? "Both targets work" : `All ${all} targets work`;
    if (!all) verdict = "Nothing recorded";
    else if (bad.length) verdict = `${bad.length} of ${all} ${all === 1 ? "target" : "targets"} failed`;
    else if (broken.length) verdict = `${broken.length} of ${all} not known: the machine failed`;
    else if (unproven.length) verdict = `${unproven.length} of ${all} not proven`;
    byId("verdict").textContent = verdict;
    document.querySelector(".top").className = `top ${bad.length ? "failed" : all && !broken.length && !unproven.length ? "passed" : ""}`;
  };
  const sum = (from) => {
    const total = { passed: 0, failed: 0, broken: 0 };
    if (reaches(from)) {
      for (const i of points(from)) total[["passed", "failed", "broken"][data.points.result[i]]] += 1;
    } else {
      for (const i of binsOf(from)) {
        total.passed += data.bins.passed[i];
        total.failed += data.bins.failed[i];
        total.broken += data.bins.broken[i];
      }
    }
    total.ratio = total.passed + total.failed ? total.passed / (total.passed + total.failed) : null;
    return total;
  };
  const renderFigures = () => {
    const total = sum(since());
    const p = data.points;
    const times = points().map((i) => p.seconds[i]).filter((v) => v !== null).sort((a, b) => a - b);
    const good = total.ratio === null ? "" : 100 * total.ratio >= data.aim ? "good" : "bad";
    const figures = [
      ["Success rate", percent(total.ratio), `aim: ${data.aim} %`, good],
      ["Builds", String(total.passed + total.failed + total.broken), `${total.passed} passed, ${total.failed} failed`, ""],
      ["Machine failures", String(total.broken), "not counted in the rate", ""],
      ["Median build", seconds(quantile(times, 0.5)), times.length ? `95 % within ${seconds(quantile(times, 0.95))}` : "", ""],
    ];
    byId("figures").replaceChildren(...figures.map(([name, value, note, className]) => {
      const box = node("div");
      const dd = node("dd", className, value);
      dd.append(node("small", "", note));
      box.append(node("dt", "", name), dd);
      return box;
    }));
  };
  // The share of passed builds of the window before each day.
  const renderSuccess = () => {
    const daily = new Map();
    const add = (day, passed, failed, broken) => {
      const own = daily.get(day) ?? [0, 0, 0];
      daily.set(day, [own[0] + passed, own[1] + failed, own[2] + broken]);
    };
    const from = since() - data.window * DAY;
    for (const i of binsOf(from)) add(data.bins.day[i], data.bins.passed[i], data.bins.failed[i], data.bins.broken[i]);
    const days = [...daily.keys()].sort((a, b) => a - b);
    const times = [];
    const ratio = [];
    const broken = [];
    let first = 0;
    const total = [0, 0, 0];
    for (const day of days) {
      daily.get(day).forEach((n, i) => { total[i] += n; });
      while (days[first] <= day - data.window) {
        daily.get(days[first]).forEach((n, i) => { total[i] -= n; });
        first += 1;
      }
      const at = Math.min((day + 1) * DAY, data.generated);
      if (at < since()) continue;
      times.push(at);
      ratio.push(total[0] + total[1] ? (100 * total[0]) / (total[0] + total[1]) : null);
      broken.push(total[0] + total[2] ? (100 * total[0]) / (total[0] + total[1] + total[2]) : null);
    }
    if (times.length) {
      // The aim is a line even where there is one day only.
      times.unshift(Math.min(times[0], data.generated) - DAY / 2);
      ratio.unshift(null);
      broken.unshift(null);
    }
    const floor = Math.min(data.aim - 15, ...ratio.filter((v) => v !== null), ...broken.filter((v) => v !== null));
    byId("success-note").textContent = `Of the ${data.window} days before each day; the aim is ${data.aim} %.`;
    draw("c-success", [times, ratio, broken, times.map(() => data.aim)], [
      { label: "packages", colour: colour("--pass"), width: 2 },
      { label: "with machine failures", colour: colour("--skip"), dash: [3, 3], width: 1.25 },
      { label: "aim", colour: colour("--fail"), dash: [6, 4], width: 1, points: { show: false } },
    ], { tick: (v) => `${Math.round(10 * v) / 10} %`, yRange: () => [Math.max(0, floor - 3), 101], range: span(), label: "Success rate over time" });
  };
  const perTarget = (column, binColumn) => {
    const from = since();
    const one = reaches(from);
    const lists = data.targets.map(() => []);
    if (one) {
      for (const i of points(from)) {
        if (data.points[column][i] !== null) lists[data.points.target[i]].push([data.points.at[i], data.points[column][i]]);
      }
    } else {
      for (const i of binsOf(from)) {
        if (data.bins[binColumn][i] !== null) lists[data.bins.target[i]].push([(data.bins.day[i] + data.bins.days[i] / 2) * DAY, data.bins[binColumn][i]]);
      }
    }
    const shown = lists.map((list, i) => [list, i]).filter(([list]) => list.length);
    return {
      one,
      smoothed: one && shown.some(([list]) => smooth(list) !== list),
      columns: align(shown.map(([list]) => (one && column === "seconds" ? smooth(list) : list))),
      series: shown.map(([, i]) => ({ label: data.targets[i], colour: hue(i), width: 1.5 })),
    };
  };
  // A straggler now and then hides the level: of many builds, the median around each is drawn.
  const AROUND = 4;
  const smooth = (list) => (list.length < 120 ? list : list.map(([at], i) => {
    const near = list.slice(Math.max(0, i - AROUND), i + AROUND + 1).map((v) => v[1]).sort((a, b) => a - b);
    return [at, quantile(near, 0.5)];
  }));
  const shownChanges = () => data.changes.filter((c) => c.at >= since() && (!chosen.target || c.target === chosen.target));
  const renderTimes = () => {
    const { one, smoothed, columns, series } = perTarget("seconds", "median");
    const what = !one ? "Medians of days or weeks" : smoothed ? "Builds that passed, the median of nine" : "Every build that passed";
    byId("time-note").textContent = `${what}; dashed: the level changed.`;
    const marks = (u) => {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.setLineDash([4, 4]);
      for (const change of shownChanges().filter((c) => c.stage === "total" || c.stage === "build")) {
        const x = u.valToPos(change.at, "x", true);
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.strokeStyle = hue(data.targets.indexOf(change.target));
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.restore();
    };
    draw("c-time", columns, series, { tick: seconds, yRange: zeroUp, marks, range: span(), label: "Build time over time" });
    const sizes = perTarget("size", "size");
    draw("c-size", sizes.columns, sizes.series, { tick: size, range: span(), label: "Package size over time" });
  };
  const renderOverhead = () => {
    const shown = data.overheads.filter((o) => !chosen.target || o.target === chosen.target);
    const lists = shown.map((o) => o.at.map((at, i) => [at, o.ratio[i]]).filter(([at]) => at >= since()));
    draw("c-overhead", align(lists), shown.map((o) => ({
      label: `${o.target} ${o.strategy}`, colour: hue(data.targets.indexOf(o.target)), dash: o.strategy === "emulated" ? [5, 3] : undefined,
    })), { tick: (v) => `${Math.round(100 * v) / 100}×`, yRange: zeroUp, range: span(), none: "no version was built natively and otherwise in this time", label: "Overhead over time" });
  };
  const renderChanges = () => {
    const table = byId("changes");
    const shown = [];
    for (const c of shownChanges().reverse()) {
      // What changed a stage changed the whole, too: one row for both.
      const same = shown.find((s) => s.target === c.target && s.machine === c.machine && s.strategy === c.strategy && Math.abs(s.at - c.at) < 3 * DAY && (s.after > s.before) === (c.after > c.before));
      if (!same) shown.push({ ...c, parts: [c.stage] });
      else if (!same.parts.includes(c.stage)) {
        if (c.stage === "total" || (same.stage !== "total" && Math.abs(c.after - c.before) > Math.abs(same.after - same.before))) Object.assign(same, c);
        same.parts.push(c.stage);
      }
    }
    table.replaceChildren(row(["since", "target", "stage", ["before", "number"], ["after", "number"], ["change", "number"], "from version", "on"], "th"));
    for (const c of shown) {
      const growth = c.before ? c.after / c.before - 1 : 0;
      const mark = node("span", growth > 0 ? "more" : "less", `${growth > 0 ? "+" : "−"}${Math.abs(100 * growth).toFixed(0)} %`);
      table.append(row([date(c.at), c.target, [c.stage, ...c.parts.filter((p) => p !== c.stage)].join(", "), [seconds(c.before), "number"], [seconds(c.after), "number"], [mark, "number"], c.version, `${c.machine}, ${c.strategy}`]));
    }
    if (!shown.length) table.replaceChildren(row(["no change of level in this time"]));
  };
  const renderSlowest = () => {
    const p = data.points;
    const groups = new Map();
    for (const i of points()) {
      for (const [stage, times] of Object.entries(p.stages)) {
        if (times[i] === null) continue;
        const key = JSON.stringify([data.targets[p.target[i]], stage]);
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push(times[i]);
      }
    }
    const rows = [...groups].map(([key, times]) => {
      times.sort((a, b) => a - b);
      return [...JSON.parse(key), times.length, quantile(times, 0.5), quantile(times, 0.25), quantile(times, 0.75), quantile(times, 0.95)];
    }).sort((a, b) => b[3] - a[3]).slice(0, 12);
    const table = byId("slowest");
    table.replaceChildren(row(["target", "stage", ["median", "number"], "", ["middle half", "number"], ["95 %", "number"], ["builds", "number"]], "th"));
    const most = rows.length ? rows[0][3] || 1 : 1;
    for (const [target, stage, count, median, low, high, p95] of rows) {
      const bar = node("span", "bar");
      bar.style.width = `${Math.max(1, Math.round((120 * median) / most))}px`;
      table.append(row([target, stage, [seconds(median), "number"], bar, [`${seconds(low)} – ${seconds(high)}`, "number"], [seconds(p95), "number"], [String(count), "number"]]));
    }
    if (!rows.length) table.replaceChildren(row(["no stage was done in this time"]));
  };
  const renderFailures = () => {
    const home = byId("failures");
    const shown = data.failures.filter((f) => f.at >= since() && (!chosen.target || f.target === chosen.target) && (!chosen.branch || f.branch === chosen.branch)).slice(0, 20);
    home.replaceChildren(...shown.map((f) => {
      const box = node("article", f.infrastructure ? "row broken" : "row");
      const head = node("div", "head");
      head.append(node("strong", "", `${f.target}: ${f.stage ?? "run"}`), node("span", "muted", `${f.version} · ${f.branch ?? "no branch"} · ${moment(f.at)}`));
      if (f.infrastructure) head.append(node("span", "chip broken", "machine, not package"));
      if (f.url) head.append(link(f.url, "log"));
      box.append(head, node("p", "what", f.message ?? f.code ?? "it failed"));
      if (f.problems.length) {
        const list = node("ul");
        for (const p of f.problems) list.append(node("li", "", `${p.title} (${p.code}, ${Math.round(100 * p.confidence)} % sure)`));
        box.append(list);
      } else if (f.code) box.append(node("p", "muted", f.code));
      if (f.next) {
        const fix = node("p", "fix", "next: ");
        fix.append(node("code", "", f.next));
        box.append(fix);
      }
      return box;
    }));
    if (!shown.length) home.append(node("p", "muted", "none in this time"));
  };
  const renderQueue = () => {
    const daily = (d, column) => d.day.map((day, i) => [Math.min((day + 1) * DAY, data.generated), column[i]]).filter(([at]) => at >= since());
    const q = data.queue;
    draw("c-queue", align([daily(q, q.median), daily(q, q.most)]), [{ label: "median" }, { label: "longest", dash: [4, 3] }], { tick: seconds, yRange: zeroUp, range: span(), none: "nothing had to wait in this time", label: "Waiting over time" });
    const c = data.cache;
    const rate = c.day.map((_, i) => (c.found[i] + c.made[i] ? (100 * c.found[i]) / (c.found[i] + c.made[i]) : null));
    const last = c.day.length - 1;
    const bytes = c.day.reduce((n, day, i) => n + ((day + 1) * DAY >= since() ? c.fetched[i] : 0), 0);
    byId("cache-note").textContent = last < 0 ? "" : `Layers that were there already. The cache has ${size(c.size[last])}; ${size(bytes)} were downloaded in this time.`;
    draw("c-cache", align([daily(c, rate)]), [{ label: "layers found" }], { tick: (v) => `${Math.round(v)} %`, yRange: () => [0, 101], range: span(), none: "no layer was wanted in this time", label: "Cache hits over time" });
  };
  const renderRest = () => {
    const alerts = byId("alerts");
    alerts.hidden = !data.alerts.length;
    alerts.querySelector(".rows").replaceChildren(...data.alerts.map((a) => {
      const box = node("article", "row");
      box.append(node("p", "what", a.title), node("p", "muted", `${a.text} · since ${date(a.since)}`));
      return box;
    }));
    const doctor = byId("doctor");
    doctor.hidden = !data.doctor;
    if (data.doctor) {
      const lacking = data.doctor.found.filter((d) => !d.ok && d.needed).length;
      byId("doctor-note").textContent = `${lacking ? `${lacking} lacking` : "Everything needed is there"}; looked at ${moment(data.doctor.at)} by debwright doctor.`;
      const table = doctor.querySelector("table");
      table.replaceChildren(row(["", "what", "found", "what to do"], "th"));
      for (const d of data.doctor.found) {
        const chip = node("span", `chip ${d.ok ? "passed" : d.needed ? "failed" : "broken"}`, d.ok ? "ok" : d.needed ? "lacking" : "limited");
        const fix = d.fix ? node("code", "", d.fix) : "";
        table.append(row([chip, d.group ? `${d.group}: ${d.name}` : d.name, d.found, [fix, ""]]));
      }
    }
    byId("product").textContent = data.packages.join(", ");
    byId("made").textContent = `State of ${moment(data.generated)}`;
    byId("count").textContent = data.builds.toLocaleString("en");
  };
  const render = () => {
    for (const part of [renderRest, renderStates, renderFigures, renderSuccess, renderTimes, renderOverhead, renderChanges, renderSlowest, renderFailures, renderQueue]) part();
    document.body.dataset.ready = String(Math.round(performance.now()));
  };

  // ---- start -------------------------------------------------------------------------------
  window.addEventListener("error", (event) => { document.body.dataset.error = event.message; });
  for (const name of ["target", "branch", "days"]) byId(`f-${name}`).addEventListener("change", writeHash);
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", () => { readHash(); render(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  let waiting = 0;
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(render, 150);
  });
  readHash();
  render();
  if (document.documentElement.hasAttribute("data-live")) {
    // Asked again by its tag: nothing is sent while nothing has changed.
    let tag = "";
    setInterval(async () => {
      try {
        const answer = await fetch("data.json", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
        if (answer.status !== 200) return;
        tag = answer.headers.get("ETag") ?? "";
        data = await answer.json();
        document.body.dataset.updates = String(Number(document.body.dataset.updates ?? 0) + 1);
        readHash();
        render();
      } catch {
        byId("made").textContent = "The server does not answer; this is what was known last.";
      }
    }, 5000);
  }
})();
