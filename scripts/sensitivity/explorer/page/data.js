/* The tables: a column is {name, numbers} or {name, levels, codes}, typed arrays by row that are
   unpacked when they are first asked for. */
function unpacked(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes.buffer;
}

class Column {
  constructor(name, packed) {
    Object.assign(this, {name, packed, levels: packed.levels});
  }
  get codes() { return this.once("codes", () => new Int32Array(unpacked(this.packed.codes))); }
  get numbers() { return this.levels ? undefined : this.once("numbers", () => new Float32Array(unpacked(this.packed.numbers))); }
  once(key, make) {
    Object.defineProperty(this, key, {value: make()});
    return this[key];
  }
}

function tableOf(packed) {
  const columns = Object.entries(packed.columns).map(([name, column]) => [name, new Column(name, column)]);
  return {rows: packed.rows, columns: new Map(columns)};
}

/* The value of a row for people: a name, or a number of seven digits at most. */
function shown(column, row) {
  if (column.levels) return column.codes[row] < 0 ? "" : column.levels[column.codes[row]];
  return written(column.numbers[row]);
}

function written(number) {
  return Number.isFinite(number) ? String(Number(number.toPrecision(7))) : "";
}

/* A row's place along an axis: its number, or the place of its name among all. */
function place(column, row) {
  if (column.levels) return column.codes[row] < 0 ? NaN : column.codes[row];
  return column.numbers[row];
}

function title(name) {
  return name.replaceAll("_", " ");
}

/* Under which heading a column stands in a list of choices; `recipe` holds the names of a recipe's columns. */
function heading(name, recipe) {
  if (recipe.includes(name) || name.startsWith("argument_")) return "Recipe";
  if (name.startsWith("untrained_")) return "Before training";
  if (name.includes("_at_confidence_")) return "With rescaled logits";
  if (/^(training|test)_|_gap$|^diverged/.test(name)) return "Accuracy and loss";
  if (/_points$/.test(name)) return "How many points";
  if (/_(training|noise)$/.test(name)) return "At training points and at noise";
  return /jacobian|transitions|softmax/.test(name) ? "Sensitivity at test points" : "Other measures";
}

/* Choices of columns, in groups. */
function choices(names, recipe) {
  const groups = new Map();
  for (const name of names) {
    const label = heading(name, recipe);
    if (!groups.has(label)) groups.set(label, Object.assign(document.createElement("optgroup"), {label}));
    groups.get(label).append(new Option(title(name), name));
  }
  return [...groups.values()];
}

/* The smallest and the largest number, whether all are whole, and whether an axis should be logarithmic. */
function extent(column) {
  const [low, high] = column.packed.ends;
  return {low, high, whole: column.packed.whole, wide: low > 0 && high / low >= 50};
}

/* Where a model's weights lie, from this page. */
function folder(table, row) {
  const parts = [table.columns.get("dataset"), table.columns.get("model")];
  return `../models/${parts.map((column) => shown(column, row)).join("/")}/`;
}
