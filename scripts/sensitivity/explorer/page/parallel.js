/* Parallel coordinates: a line a row, an axis a column; a drag along an axis selects. */
const parallelOptions = {chart: null, brushing: false};

function drawParallel(state, table, axes, groups, ink, brushed) {
  const element = document.getElementById("parallel");
  if (!parallelOptions.chart) {
    parallelOptions.chart = echarts.init(element);
    parallelOptions.chart.on("axisareaselected", (event) => {
      if (!parallelOptions.brushing) brushed(readBrushes(), touchedBy(event));
    });
  }
  const narrow = element.clientWidth < 600;
  const columns = axes.map((name) => table.columns.get(name));
  const lines = groups.reduce((sum, group) => sum + group.rows.length, 0);
  parallelOptions.chart.setOption({
    animation: false,
    textStyle: {fontFamily: "system-ui, sans-serif"},
    parallel: narrow
      ? {layout: "vertical", left: 20, right: 20, top: 30, bottom: 25}
      : {left: 60, right: 90, top: 40, bottom: 20},
    parallelAxis: columns.map((column, dim) => parallelAxis(column, dim, narrow, ink)),
    series: groups.map((group) => ({
      type: "parallel",
      progressive: 1000,
      inactiveOpacity: 0.04,
      activeOpacity: Math.max(0.08, Math.min(0.7, 60 / Math.sqrt(lines * 20 + 1))),
      lineStyle: {color: group.colour, width: lines > 2000 ? 0.5 : 1},
      data: group.rows.map((row) => columns.map((column) => {
        const value = place(column, row);
        return Number.isFinite(value) && !(onLog(column) && value <= 0) ? value : "-";
      })),
    })),
  }, {notMerge: true});
  writeBrushes(state, columns);
}

function onLog(column) {
  return column.numbers && extent(column).wide;
}

function parallelAxis(column, dim, narrow, ink) {
  const common = {
    dim,
    name: title(column.name),
    nameLocation: "end",
    nameGap: narrow ? 4 : 14,
    nameTextStyle: {color: ink.ink, fontSize: 12, align: narrow ? "right" : "center",
      verticalAlign: "bottom", padding: narrow ? [0, 0, 4, 0] : 0},
    nameTruncate: {maxWidth: narrow ? 220 : 130},
    axisLine: {lineStyle: {color: ink.soft}},
    axisTick: {lineStyle: {color: ink.soft}},
    areaSelectStyle: {width: 18, color: `${ink.link}66`, borderColor: ink.link, opacity: 1},
    realtime: true,
  };
  if (!column.levels) {
    const {low, high, whole} = extent(column);
    const ends = low === high ? {min: low - 1, max: high + 1} : onLog(column) ? {min: low, max: high} : {scale: true};
    return {...common, ...ends, type: onLog(column) ? "log" : "value", splitNumber: narrow ? 3 : 5,
      minInterval: whole ? 1 : undefined, axisLabel: {color: ink.ink, fontSize: 11, hideOverlap: true, formatter: short}};
  }
  const last = column.levels.length - 1;
  return {...common, type: "value", min: -0.5, max: last + 0.5, interval: 0.5, axisTick: {show: false},
    axisLabel: {color: ink.ink, fontSize: 11, hideOverlap: true,
      formatter: (value) => (Number.isInteger(value) ? (column.levels[value] ?? "") : "")}};
}

/* The intervals of all axes, as filters by column. */
function readBrushes() {
  const only = new Map();
  for (const axis of parallelOptions.chart.getModel().queryComponents({mainType: "parallelAxis"})) {
    const {columns} = parallelOptions;
    const column = columns[axis.get("dim")];
    const selected = axis.activeIntervals.map((ends) => [...ends].sort((a, b) => a - b));
    if (!selected.length) continue;
    if (column.levels) {
      only.set(column.name, {names: column.levels.filter((_, i) => selected.some(([a, b]) => i >= a && i <= b))});
    } else {
      const [[low, high], ends] = [selected[0], extent(column)];
      /* An end of the axis selects nothing away, and rounding must not either. */
      only.set(column.name, {
        low: low <= ends.low ? undefined : Number(low.toPrecision(4)),
        high: high >= ends.high ? undefined : Number(high.toPrecision(4)),
      });
    }
  }
  return only;
}

/* The columns of the axes that an event is about. */
function touchedBy(event) {
  return parallelOptions.chart.getModel().queryComponents({mainType: "parallelAxis"})
    .filter((axis) => axis.id === event.parallelAxisId || axis.componentIndex === event.parallelAxisIndex)
    .map((axis) => parallelOptions.columns[axis.get("dim")].name);
}

/* Shows the filters of the state as intervals on the axes. */
function writeBrushes(state, columns) {
  parallelOptions.columns = columns;
  parallelOptions.brushing = true;
  columns.forEach((column, dim) => {
    const filter = state.only.get(column.name);
    if (!filter) return;
    parallelOptions.chart.dispatchAction(
      {type: "axisAreaSelect", parallelAxisIndex: dim, intervals: intervals(column, filter)});
  });
  parallelOptions.brushing = false;
}

function intervals(column, filter) {
  if (column.levels) {
    const chosen = (filter.names ?? []).map((name) => column.levels.indexOf(name)).filter((i) => i >= 0);
    return chosen.length ? chosen.map((i) => [i - 0.45, i + 0.45]) : [[-9, -8]];
  }
  const {low, high} = extent(column);
  return [[filter.low ?? low, filter.high ?? high]];
}
