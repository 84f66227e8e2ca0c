/* Joins the parts: whatever changes the state ends in `apply`, which draws what depends on it. */
const study = JSON.parse(document.getElementById("data").textContent);
const tables = {};
const state = readAddress(location.hash);
let drawn = {};

function current() {
  return (tables[state.rows] ??= tableOf(study.tables[state.rows]));
}

/* Colours of the page's style, for what is drawn on a canvas. */
function inks() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["ink", "soft", "line", "panel", "link"].map(
    (name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function mend(table) {
  for (const [axis, other] of [["x", "jacobian_norm"], ["y", "generalization_gap"]]) {
    if (!table.columns.has(state[axis])) state[axis] = table.columns.has(other) ? other : [...table.columns.keys()].at(-1);
  }
}

/* So many lines at most, selected rows first: more would be a blot. All rows count everywhere else. */
const MOST_LINES = 3000;
let settling = 0;
function thinned(rows, selected) {
  if (rows.length <= MOST_LINES) return rows;
  const chosen = new Set(selected);
  const others = rows.filter((row) => !chosen.has(row));
  const evenly = (from, count) => Array.from(
    {length: Math.min(count, from.length)}, (_, i) => from[Math.floor((i * from.length) / Math.min(count, from.length))]);
  return [...evenly(selected, MOST_LINES - Math.min(others.length, 500)), ...evenly(others, 500)];
}

/* `brushed`: the change came from the parallel coordinates, which show it already. */
function apply({brushed = false} = {}) {
  if (!Object.hasOwn(study.tables, state.rows)) state.rows = "models";
  const table = current();
  mend(table);
  const axes = axesOf(state, table);
  const {rows, besideAxes} = selection(state, table, axes);
  const groups = series(state, table, rows);
  drawControls(table, axes);
  document.getElementById("count").textContent = `${rows.length} of ${table.rows} selected`;
  drawFilters(state, table, axes, apply);
  const ink = inks();
  const lines = thinned(besideAxes, rows);
  clearTimeout(settling);
  const redraw = () => drawParallel(state, table, axes, series(state, table, lines), ink, onBrush);
  if (!brushed) redraw();
  else if (lines.length < besideAxes.length) settling = setTimeout(redraw, 400);
  document.getElementById("lines").textContent =
    lines.length < besideAxes.length ? `${lines.length} of ${besideAxes.length} lines are drawn, evenly chosen.` : "";
  drawScatter(state, table, groups, ink);
  drawTable(state, table, axes, rows, apply);
  drawn = {table, axes, rows};
  remember();
}

function remember() {
  const words = writeAddress(state);
  if (words === location.hash.slice(1)) return;
  try {
    history.replaceState(null, "", `#${words}`);
  } catch { /* a page inside a report has no address of its own */ }
}

/* The state stays one object: the fields' listeners hold it. */
function restore(text) {
  Object.assign(state, readAddress(text));
  apply();
}

/* `touched` are the columns whose axes were dragged along; other filters stay as they are. */
let waiting = 0;
function onBrush(only, touched) {
  for (const name of touched) {
    if (only.has(name)) state.only.set(name, only.get(name));
    else state.only.delete(name);
  }
  state.page = 0;
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => apply({brushed: true}));
}

/* The choices of columns, whenever there are others. */
function drawControls(table, axes) {
  const form = document.getElementById("compare");
  if (form.dataset.of !== state.rows) {
    form.dataset.of = state.rows;
    const names = [...table.columns.keys()].filter((name) => !name.endsWith("_standard_error") && name !== "model");
    for (const id of ["x", "y", "colour", "marker"]) {
      const none = id === "colour" || id === "marker" ? [new Option("none", "")] : [];
      document.getElementById(id).replaceChildren(...none, ...choices(names, study.recipe));
    }
  }
  const choice = document.getElementById("axes");
  if (choice.dataset.of !== `${state.rows} ${axes}`) {
    choice.dataset.of = `${state.rows} ${axes}`;
    drawAxesChoice(state, table, axes, apply);
  }
  for (const id of ["rows", "x", "y", "colour", "marker", "search"]) {
    if (document.getElementById(id) !== document.activeElement) document.getElementById(id).value = state[id];
  }
  for (const id of ["compared", "xlog", "ylog", "bars"]) document.getElementById(id).checked = state[id];
}

function listen() {
  for (const id of ["rows", "x", "y", "colour", "marker", "search", "compared", "xlog", "ylog", "bars"]) {
    const control = document.getElementById(id);
    control.addEventListener(id === "search" ? "input" : "change", () => {
      state[id] = control.type === "checkbox" ? control.checked : control.value;
      state.page = 0;
      apply();
    });
  }
  const on = (id, act) => document.getElementById(id).addEventListener("click", act);
  on("previous", () => { state.page -= 1; apply(); });
  on("next", () => { state.page += 1; apply(); });
  on("reset", () => { document.getElementById("search").value = ""; restore(""); });
  on("copy", async () => {
    const text = csv(state, drawn.table, drawn.axes, drawn.rows, document.getElementById("whole").checked);
    document.getElementById("copy").textContent = await copied(text) ? `Copied ${drawn.rows.length} rows` : "Could not copy";
    setTimeout(() => { document.getElementById("copy").textContent = "Copy as CSV"; }, 2000);
  });
  /* Links within the page leave the address alone, which holds the state. */
  for (const link of document.querySelectorAll("a[data-jump], a[data-figure]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const target = link.dataset.jump ?? `figure-${link.dataset.figure}`;
      document.getElementById(target)?.scrollIntoView({behavior: "smooth"});
    });
  }
  addEventListener("hashchange", () => restore(location.hash));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply());
  let width = innerWidth;
  addEventListener("resize", () => {
    if (width === innerWidth) return;
    width = innerWidth;
    for (const {chart} of [parallelOptions, scatterOptions]) chart.resize();
    apply();
  });
}

listen();
apply();
performance.mark("drawn");
