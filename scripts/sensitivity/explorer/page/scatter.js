/* The scatter of two columns, and Kendall's tau of what it shows. */
const scatterOptions = {chart: null};
const MOST_BARS = 1500; /* rows; error bars of more are a blot */

function drawScatter(state, table, groups, ink) {
  const [x, y] = [table.columns.get(state.x), table.columns.get(state.y)];
  scatterOptions.chart ??= echarts.init(document.getElementById("scatter"));
  const drawable = (row) => fits(place(x, row), state.xlog && !x.levels) && fits(place(y, row), state.ylog && !y.levels);
  const points = groups.map((group) => ({...group, rows: group.rows.filter(drawable)}));
  const count = points.reduce((sum, group) => sum + group.rows.length, 0);
  const left = groups.reduce((sum, group) => sum + group.rows.length, 0) - count;
  const narrow = scatterOptions.chart.getWidth() < 500;
  scatterOptions.chart.setOption({
    animation: false,
    textStyle: {fontFamily: "system-ui, sans-serif"},
    grid: {left: narrow ? 12 : 20, right: 20, top: 30, bottom: 34, containLabel: true},
    xAxis: scatterAxis(x, state.xlog, ink, {nameLocation: "middle", nameGap: 32}),
    yAxis: scatterAxis(y, state.ylog, ink, {nameLocation: "end", nameTextStyle: {color: ink.ink, align: "left"}}),
    dataZoom: [{type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl"}],
    tooltip: {trigger: "item", confine: true, formatter: (at) => hover(state, table, at.data[2]),
      backgroundColor: ink.panel, borderColor: ink.line, textStyle: {color: ink.ink, fontSize: 13}},
    series: [
      ...(state.bars && count <= MOST_BARS ? points.map((group) => bars(group, table, x, y, state)) : []),
      ...points.map((group) => ({
        type: "scatter",
        symbol: group.shape,
        symbolSize: count > 2000 ? 4 : 9,
        large: true,
        largeThreshold: 1000,
        itemStyle: {color: group.colour, opacity: count > 2000 ? 0.5 : 0.85},
        data: group.rows.map((row) => [place(x, row), place(y, row), row]),
      })),
    ],
  }, {notMerge: true});
  drawLegend(points.filter((group) => group.rows.length), state);
  document.getElementById("tau").textContent = tauText(state, points, x, y, left);
}

function fits(value, logarithmic) {
  return Number.isFinite(value) && !(logarithmic && value <= 0);
}

function scatterAxis(column, logarithmic, ink, more) {
  const look = {
    name: title(column.name), nameTextStyle: {color: ink.ink}, axisLine: {lineStyle: {color: ink.soft}},
    splitLine: {lineStyle: {color: ink.line, opacity: 0.5}}, scale: true, ...more,
  };
  const label = {color: ink.ink, hideOverlap: true};
  if (!column.levels && logarithmic) {
    return {...look, type: "log", min: (ends) => ends.min / 1.1, max: (ends) => ends.max * 1.1, minorTick: {show: true},
      axisLabel: {...label, formatter: (value) => String(Number(value.toPrecision(2)))}};
  }
  if (!column.levels) return {...look, type: "value", axisLabel: {...label, formatter: short}};
  return {...look, type: "value", scale: false, min: -0.5, max: column.levels.length - 0.5, interval: 0.5,
    axisLabel: {...label, formatter: (value) => (Number.isInteger(value) ? (column.levels[value] ?? "") : "")}};
}

/* A series of error bars, a standard error to both sides, along either axis that has one. */
function bars(group, table, x, y, state) {
  const [dx, dy] = [x, y].map((column) => table.columns.get(`${column.name}_standard_error`));
  const spread = (column, row) => (column && Number.isFinite(column.numbers[row]) ? column.numbers[row] : 0);
  return {
    type: "custom",
    silent: true,
    z: 1,
    data: group.rows.map((row) => [place(x, row), place(y, row), spread(dx, row), spread(dy, row)]),
    renderItem: (_, api) => {
      const [atX, atY, ofX, ofY] = [0, 1, 2, 3].map((i) => api.value(i));
      const least = (value, error, log) => (log && value - error <= 0 ? value / 10 : value - error);
      const ends = [
        [[least(atX, ofX, state.xlog), atY], [atX + ofX, atY]],
        [[atX, least(atY, ofY, state.ylog)], [atX, atY + ofY]],
      ];
      return {type: "group", children: ends.map(([from, to]) => {
        const [[x1, y1], [x2, y2]] = [api.coord(from), api.coord(to)];
        return {type: "line", shape: {x1, y1, x2, y2}, style: {stroke: group.colour, lineWidth: 1, opacity: 0.6}};
      })};
    },
    clip: true,
  };
}

function hover(state, table, row) {
  const escape = echarts.format.encodeHTML;
  const names = [...new Set(["seed", state.x, state.y, state.colour, state.marker, "width", "depth", "activation",
    "optimizer", "test_accuracy"])].filter((name) => table.columns.has(name) && name !== "dataset");
  const lines = names.map((name) => {
    const error = table.columns.get(`${name}_standard_error`);
    const more = error && Number.isFinite(error.numbers[row]) ? ` ± ${short(error.numbers[row])}` : "";
    return `${escape(title(name))}: <b>${escape(shown(table.columns.get(name), row))}</b>${more}`;
  });
  const [dataset, model] = ["dataset", "model"].map((name) => escape(shown(table.columns.get(name), row)));
  const whole = `<span style="white-space:normal;overflow-wrap:anywhere"><b>${dataset}</b> ${model}`;
  return `<div style="max-width:300px">${whole}</span><br>${lines.join("<br>")}<br>`
    + `<span style="white-space:normal;overflow-wrap:anywhere">${escape(folder(table, row))}</span></div>`;
}

/* What the selection says in numbers: tau within each colour, then over all that is drawn. */
function tauText(state, groups, x, y, left) {
  const of = (rows) => {
    const tau = kendall(rows.map((row) => place(x, row)), rows.map((row) => place(y, row)));
    return `${Number.isFinite(tau) ? tau.toFixed(3) : "undefined"}${interval(tau, rows.length)} (n = ${rows.length})`;
  };
  const colours = [...new Set(groups.map((group) => group.colourLabel))];
  const within = colours.length < 2 ? "" : `within ${title(state.colour)}: ` + colours.map((label) =>
    `${label} ${of(groups.filter((group) => group.colourLabel === label).flatMap((group) => group.rows))}`).join(", ") + "; ";
  const missing = left ? ` ${left} selected without a point here.` : "";
  return `Kendall's τ ${within}over the selection: ${of(groups.flatMap((group) => group.rows))}.${missing}`;
}
