/* What is shown, and its spelling in the address: `#x=transitions&ylog=1&only.width=40..100`. */
const USUAL = {
  rows: "models", compared: true, search: "", axes: "", x: "jacobian_norm", y: "generalization_gap",
  xlog: true, ylog: false, colour: "dataset", marker: "activation", bars: true, sort: "", page: 0,
};
const LONG = ["dataset", "width", "depth", "activation", "optimizer", "labels", "jacobian_norm",
  "transitions", "training_loss", "generalization_gap"];

/* Filters by column: {low, high}, either of which may be missing, or {names: [...]}. */
function readAddress(text) {
  const state = {...USUAL, only: new Map()};
  for (const [key, value] of new URLSearchParams(text.replace(/^#/, ""))) {
    if (key.startsWith("only.")) state.only.set(key.slice(5), readFilter(value));
    else if (Object.hasOwn(USUAL, key)) {
      const usual = USUAL[key];
      if (typeof usual === "boolean") state[key] = value === "1";
      else state[key] = typeof usual === "number" ? Number(value) || 0 : value;
    }
  }
  return state;
}

function readFilter(value) {
  const range = value.match(/^([^|]*)\.\.([^|]*)$/);
  if (!range) return {names: value.split("|")};
  const [low, high] = range.slice(1).map((end) => (end === "" ? undefined : Number(end)));
  return {low, high};
}

function writeAddress(state) {
  const words = new URLSearchParams();
  for (const [key, usual] of Object.entries(USUAL)) {
    if (state[key] !== usual) words.set(key, typeof usual === "boolean" ? Number(state[key]) : state[key]);
  }
  for (const [name, filter] of state.only) {
    const range = `${filter.low ?? ""}..${filter.high ?? ""}`;
    words.set(`only.${name}`, filter.names ? filter.names.join("|") : range);
  }
  return String(words);
}

/* The columns that have an axis: those chosen, else the usual ones that say something. */
function axesOf(state, table) {
  const chosen = state.axes ? state.axes.split(",") : LONG.filter((name) => varies(table, name));
  return chosen.filter((name) => table.columns.has(name));
}

function varies(table, name) {
  const column = table.columns.get(name);
  if (!column) return false;
  return column.levels ? column.levels.length > 1 : extent(column).low < extent(column).high;
}

/* The rows that pass everything, and those that pass all but the filters of the axes. */
function selection(state, table, axes) {
  const tests = [...state.only].filter(([name]) => table.columns.has(name))
    .map(([name, filter]) => [axes.includes(name), passes(table.columns.get(name), filter)]);
  const compared = table.columns.get("compared");
  const yes = compared.levels.indexOf("True");
  const sought = state.search.trim().toLowerCase();
  const names = ["model", "dataset", "surveys"].map((name) => table.columns.get(name)).filter(Boolean);
  const [rows, besideAxes] = [[], []];
  for (let row = 0; row < table.rows; row++) {
    if (state.compared && compared.codes[row] !== yes) continue;
    if (sought && !names.some((name) => shown(name, row).toLowerCase().includes(sought))) continue;
    if (tests.some(([onAxis, test]) => !onAxis && !test(row))) continue;
    besideAxes.push(row);
    if (tests.every(([, test]) => test(row))) rows.push(row);
  }
  return {rows, besideAxes};
}

function passes(column, filter) {
  if (filter.names) {
    return (row) => filter.names.includes(column.levels?.[column.codes[row]] ?? shown(column, row));
  }
  const [low, high] = [filter.low ?? -Infinity, filter.high ?? Infinity];
  return (row) => place(column, row) >= low && place(column, row) <= high;
}
