// Charts of the summaries. Data and words come from <script type="application/json">; a mark opens the rows it counts.
"use strict";
(() => {
  const token = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const look = () => ({
    accent: token("--accent-fill"), ink: token("--ink"), ink2: token("--ink-2"), ink3: token("--ink-3"), line: token("--line"), grey: token("--control"),
    late: token("--late-solid"), lateText: token("--late"), surface: token("--surface"), on: token("--accent-on"), font: getComputedStyle(document.body).fontFamily,
  });
  // The next round number of the axis: 5, 10, 20, 30 …
  const nice = most => most <= 5 ? 5 : Math.ceil(most / 10) * 10;
  const narrow = box => box.clientWidth < 480;

  const base = c => ({
    animation: false,
    textStyle: { fontFamily: c.font, fontSize: 12, color: c.ink2 },
    tooltip: { confine: true, backgroundColor: c.surface, borderColor: c.line, textStyle: { color: c.ink, fontSize: 12 }, extraCssText: "box-shadow:none" },
  });
  const axis = c => ({ axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { color: c.ink2 }, splitLine: { lineStyle: { color: c.line } } });

  const kinds = {
    // Bars from zero, the largest causes dark; the line adds up the shares.
    pareto: (data, c, box) => {
      const most = Math.max(...data.rows.map(r => r.n));
      const number = r => r.n > most * 0.15 ? { position: "insideBottom", color: r.dark ? c.on : c.surface } : { position: "top", color: c.ink };
      return {
        ...base(c),
        grid: { left: 8, right: 8, top: 24, bottom: 4, containLabel: true },
        xAxis: { ...axis(c), type: "category", data: data.rows.map(r => r.name), splitLine: { show: false }, axisLabel: { color: c.ink2, interval: 0, rotate: narrow(box) ? 40 : 0, width: narrow(box) ? 90 : 64, overflow: narrow(box) ? "truncate" : "break" } },
        yAxis: [{ ...axis(c), type: "value", min: 0, minInterval: 1 }, { ...axis(c), type: "value", min: 0, max: 100, splitLine: { show: false }, axisLabel: { color: c.ink3, formatter: "{value}%" } }],
        series: [
          { type: "bar", name: data.name, barMaxWidth: 38, data: data.rows.map(r => ({ value: r.n, url: r.url, itemStyle: { color: r.dark ? c.accent : c.grey, borderRadius: [2, 2, 0, 0] }, label: number(r) })), label: { show: true, fontWeight: 600 } },
          { type: "line", name: data.sumName, yAxisIndex: 1, data: data.rows.map(r => ({ value: r.sum, url: r.url })), symbolSize: 5, itemStyle: { color: c.ink2 }, lineStyle: { color: c.ink2, width: 1 }, tooltip: { valueFormatter: v => v + "%" } },
        ],
      };
    },
    // Each rate as its distance from the target line.
    target: (data, c, box) => {
      const rows = [...data.rows].reverse();
      const least = Math.min(data.target - 5, ...rows.map(r => r.value));
      const floor = Math.max(0, Math.floor(least / 5) * 5);
      const mark = r => ({ value: [r.value, r.name], url: r.url, symbol: r.below ? "diamond" : "circle", symbolSize: r.below ? 12 : 10, itemStyle: { color: r.below ? c.late : c.accent } });
      const said = r => r.value.toFixed(1) + "%" + (r.below ? " " + data.belowWords : "");
      const stick = r => [{ coord: [data.target, r.name], lineStyle: { color: r.below ? c.late : c.accent } }, { coord: [r.value, r.name] }];
      return {
        ...base(c),
        grid: { left: 8, right: 16, top: 8, bottom: 4, containLabel: true },
        xAxis: { ...axis(c), type: "value", min: floor, max: 100, splitNumber: narrow(box) ? 2 : 5, axisLabel: { color: c.ink3, formatter: "{value}%", hideOverlap: true } },
        yAxis: [
          { ...axis(c), type: "category", data: rows.map(r => r.name), splitLine: { show: false }, axisLine: { show: false }, axisLabel: { color: c.ink2, width: narrow(box) ? Math.max(96, box.clientWidth * 0.34) : 210, overflow: "truncate", interval: 0 } },
          { ...axis(c), type: "category", position: "right", data: rows.map(said), splitLine: { show: false }, axisLine: { show: false }, axisLabel: { interval: 0, color: (_, i) => rows[i].below ? c.lateText : c.ink } },
        ],
        tooltip: { ...base(c).tooltip, trigger: "item", formatter: p => p.componentType === "series" ? p.value[1] + " " + p.value[0].toFixed(1) + "%" : "" },
        series: [{
          type: "scatter", name: data.name, data: rows.map(mark),
          markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { type: "solid", width: 2 }, data: [...rows.map(stick), { xAxis: data.target, lineStyle: { color: c.ink, width: 1.5 } }] },
        }],
      };
    },
    // Days with the mean and the natural limits; what lies outside is a red diamond with its number.
    control: (data, c, box) => {
      const bounds = [["upper", "dashed"], ["mean", "solid"], ["lower", "dashed"]].filter(([k]) => data[k] !== null);
      return {
        ...base(c),
        grid: { left: 8, right: bounds.length ? 96 : 16, top: 24, bottom: 4, containLabel: true },
        xAxis: { ...axis(c), type: "category", boundaryGap: false, data: data.rows.map(r => r.name), splitLine: { show: false }, axisLabel: { color: c.ink2, interval: data.rows.length > 10 ? (narrow(box) ? 9 : 4) : "auto", hideOverlap: true, alignMinLabel: "left" } },
        yAxis: { ...axis(c), type: "value", min: 0, minInterval: 1, max: v => nice(Math.max(v.max, data.upper || 0) * 1.2) },
        tooltip: { ...base(c).tooltip, trigger: "axis" },
        series: [{
          type: "line", name: data.name, itemStyle: { color: c.accent }, lineStyle: { color: c.accent, width: 1.5 }, symbol: "circle", symbolSize: 5, showAllSymbol: true,
          data: data.rows.map((r, i) => r.out
            ? { value: r.n, url: r.url, symbol: "diamond", symbolSize: 11, itemStyle: { color: c.late }, label: { show: true, position: "top", align: i === 0 ? "left" : "center", color: c.lateText, fontWeight: 600, formatter: (data.rows.length > 10 ? r.name + " " : "") + r.n + " " + (r.out === "above" ? data.words.above : data.words.under) } }
            : { value: r.n, url: r.url, label: data.rows.length <= 7 ? { show: true, position: "top", color: c.ink } : { show: false } }),
          labelLayout: { hideOverlap: true },
          markLine: { silent: true, symbol: "none", data: bounds.map(([k, type]) => ({ yAxis: data[k], lineStyle: { color: c.ink3, type, width: 1 }, label: { color: c.ink2, formatter: data.words[k] + " " + data[k] } })) },
        }],
      };
    },
  };

  // Two rates side by side: as it was grey, as it would have been in the accent, each with its number.
  kinds.compare = (data, c, box) => {
    const rows = [...data.rows].reverse();
    const bar = (key, color, ink) => ({
      type: "bar", name: data[key], barMaxWidth: 9, barGap: "20%", itemStyle: { color, borderRadius: [0, 2, 2, 0] }, data: rows.map(r => r[key]),
      label: { show: true, position: "right", color: ink, fontSize: 11, formatter: p => p.value.toFixed(1) + "%" },
    });
    return {
      ...base(c),
      legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 8, textStyle: { color: c.ink2 }, data: [data.was, data.would] },
      grid: { left: 8, right: 48, top: 28, bottom: 4, containLabel: true },
      xAxis: { ...axis(c), type: "value", min: 0, splitNumber: narrow(box) ? 2 : 5, axisLabel: { color: c.ink3, formatter: "{value}%", hideOverlap: true } },
      yAxis: { ...axis(c), type: "category", data: rows.map(r => r.name), splitLine: { show: false }, axisLine: { show: false }, axisLabel: { color: c.ink2, width: narrow(box) ? 96 : 190, overflow: "truncate", interval: 0 } },
      tooltip: { ...base(c).tooltip, trigger: "axis", valueFormatter: v => v.toFixed(1) + "%" },
      series: [bar("would", c.accent, c.ink), bar("was", c.grey, c.ink2)],
    };
  };

  const draw = box => {
    const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    if (data.kind === "compare") box.style.setProperty("--chart-height", Math.max(120, data.rows.length * 34 + 60) + "px");
    if (data.kind === "target") box.style.setProperty("--chart-height", Math.max(160, data.rows.length * 26 + 40) + "px");
    box.classList.add("is-drawn");
    const chart = echarts.getInstanceByDom(box) || echarts.init(box, null, { renderer: "svg" });
    chart.setOption(kinds[data.kind](data, look(), box), true);
    chart.off("click");
    chart.on("click", mark => { if (mark.data && mark.data.url) window.location.assign(mark.data.url); });
    chart.resize();
  };

  const all = () => document.querySelectorAll("[data-chart]").forEach(draw);
  const begin = () => {
    all();
    document.querySelectorAll(".chart.is-drawn + .chart-table").forEach(table => { table.open = false; });
  };
  if (!window.echarts) return;
  begin();
  document.addEventListener("htmx:afterSettle", begin);
  new MutationObserver(all).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme", "data-theme"] });
  let timer;
  window.addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(all, 100); });
})();
