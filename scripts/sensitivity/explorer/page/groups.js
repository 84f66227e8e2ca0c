/* Colours and markers: rows in groups, a colour and a shape each, and the legend that explains them. */
const NAMED = ["#4477aa", "#ee6677", "#228833", "#aa3377", "#b8860b", "#009988", "#ee7733", "#888888"];
const ORDERED = ["#482475", "#414487", "#31688e", "#21918c", "#35b779", "#7ad151", "#bddf26"];
const SHAPES = ["circle", "rect", "triangle", "diamond", "pin", "roundRect", "arrow"];
const PATHS = {
  circle: "M6 1a5 5 0 1 0 .01 0z", rect: "M1 1h10v10h-10z", triangle: "M6 1l5 10h-10z",
  diamond: "M6 0l5 6-5 6-5-6z", pin: "M6 12l-4-7a4 4 0 1 1 8 0z",
  roundRect: "M3 1h6q2 0 2 2v6q0 2-2 2h-6q-2 0-2-2v-6q0-2 2-2z", arrow: "M6 0l5 12-5-3-5 3z",
};

/* {labels, of(row)}: a column's names, the last group for all that are too many; or ranges of numbers. */
function grouped(column, most) {
  if (!column) return {labels: [""], of: () => 0};
  if (column.levels && column.levels.length <= most) {
    return {labels: column.levels, of: (row) => column.codes[row]};
  }
  if (column.levels) {
    const labels = [...column.levels.slice(0, most - 1), "others"];
    return {labels, of: (row) => Math.min(column.codes[row], most - 1)};
  }
  const sorted = Float32Array.from(column.numbers.filter(Number.isFinite)).sort();
  const distinct = [...new Set(sorted)];
  if (distinct.length <= most) {
    return {labels: distinct.map(written), of: (row) => distinct.indexOf(column.numbers[row])};
  }
  const edges = Array.from({length: most - 1}, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / most)]);
  const bounds = [...new Set(edges)];
  const labels = [...bounds, Infinity].map((end, i) => {
    const from = i ? short(bounds[i - 1]) : "";
    return end === Infinity ? `≥ ${from}` : i ? `${from} to ${short(end)}` : `< ${short(end)}`;
  });
  const of = (row) => Number.isNaN(column.numbers[row]) ? -1 : bounds.filter((end) => column.numbers[row] >= end).length;
  return {labels, of, ordered: true};
}

function short(number) {
  return String(Number(number.toPrecision(3)));
}

function colours(group, column) {
  if (!column || column.levels) return group.labels.map((_, i) => NAMED[i % NAMED.length]);
  const last = Math.max(group.labels.length - 1, 1);
  return group.labels.map((_, i) => ORDERED[Math.round((i / last) * (ORDERED.length - 1))]);
}

/* A list of {label, colour, shape, rows, colourLabel} for what occurs among `rows`. */
function series(state, table, rows) {
  const [byColour, byMarker] = [table.columns.get(state.colour), table.columns.get(state.marker)];
  const [colour, marker] = [grouped(byColour, 7), grouped(byMarker, SHAPES.length)];
  const palette = colours(colour, byColour);
  const found = new Map();
  for (const row of rows) {
    const [c, m] = [colour.of(row), marker.of(row)];
    if (!found.has(c * 64 + m)) {
      found.set(c * 64 + m, {
        colour: palette[c] ?? NAMED.at(-1), shape: SHAPES[m] ?? "circle", rows: [], order: c * 64 + m,
        colourLabel: colour.labels[c] ?? "missing", markerLabel: marker.labels[m] ?? "missing",
      });
    }
    found.get(c * 64 + m).rows.push(row);
  }
  return [...found.values()].sort((a, b) => a.order - b.order);
}

function drawLegend(groups, state) {
  const legend = document.getElementById("legend");
  const once = (key) => [...new Map(groups.map((group) => [group[key], group])).values()];
  const entry = (label, shape, colour) => {
    const item = document.createElement("span");
    item.innerHTML = `<svg viewBox="0 0 12 12" aria-hidden="true"><path d="${PATHS[shape]}" fill="${colour}"/></svg> `;
    item.append(label);
    return item;
  };
  const byColour = once("colourLabel").filter((group) => group.colourLabel)
    .map((group) => entry(group.colourLabel, "circle", group.colour));
  const byMarker = once("markerLabel").filter((group) => group.markerLabel)
    .map((group) => entry(group.markerLabel, group.shape, "currentColor"));
  const head = (text) => Object.assign(document.createElement("b"), {textContent: text});
  legend.replaceChildren(
    ...(byColour.length ? [head(title(state.colour)), ...byColour] : []),
    ...(byMarker.length ? [head(title(state.marker)), ...byMarker] : []),
  );
}
