/* The fields beside the parallel coordinates: they select the same with a keyboard. */
function drawFilters(state, table, axes, apply) {
  const box = document.getElementById("filters");
  if (box.dataset.of === `${state.rows} ${axes}`) return writeFilters(state, box);
  box.dataset.of = `${state.rows} ${axes}`;
  box.replaceChildren(...axes.map((name) => {
    const column = table.columns.get(name);
    const group = document.createElement("fieldset");
    group.append(Object.assign(document.createElement("legend"), {textContent: title(name)}));
    if (column.levels && column.levels.length <= 12) {
      group.append(...column.levels.map((level) => namedChoice(state, name, level, apply)));
    } else if (column.numbers) {
      group.append(...["low", "high"].map((end) => endField(state, name, end, apply)));
    }
    return group;
  }));
  writeFilters(state, box);
}

function namedChoice(state, name, level, apply) {
  const input = Object.assign(document.createElement("input"), {type: "checkbox"});
  Object.assign(input.dataset, {column: name, level});
  input.addEventListener("change", () => {
    const boxes = [...document.querySelectorAll("#filters input[data-level]")]
      .filter((one) => one.dataset.column === name);
    const names = boxes.filter((one) => one.checked).map((one) => one.dataset.level);
    if (names.length === boxes.length) state.only.delete(name);
    else state.only.set(name, {names});
    apply();
  });
  const label = document.createElement("label");
  label.append(input, ` ${level} `);
  return label;
}

function endField(state, name, end, apply) {
  const input = Object.assign(document.createElement("input"), {type: "number", step: "any"});
  Object.assign(input.dataset, {column: name, end});
  input.setAttribute("aria-label", `${title(name)}, ${end === "low" ? "at least" : "at most"}`);
  input.placeholder = end === "low" ? "at least" : "at most";
  input.addEventListener("change", () => {
    const filter = {...state.only.get(name), [end]: input.value === "" ? undefined : Number(input.value)};
    if (filter.low === undefined && filter.high === undefined) state.only.delete(name);
    else state.only.set(name, filter);
    apply();
  });
  return input;
}

function writeFilters(state, box) {
  for (const input of box.querySelectorAll("input")) {
    const filter = state.only.get(input.dataset.column);
    if (input.dataset.level !== undefined) {
      input.checked = !filter?.names || filter.names.includes(input.dataset.level);
    } else if (input !== document.activeElement) {
      const value = filter?.[input.dataset.end];
      input.value = value === undefined ? "" : String(Number(value.toPrecision(4)));
    }
  }
}

/* The choice of axes: a box for every column that differs between rows. */
function drawAxesChoice(state, table, axes, apply) {
  const box = document.getElementById("axes");
  const names = [...table.columns.keys()].filter(
    (name) => axes.includes(name) || (!name.endsWith("_standard_error") && varies(table, name)
      && (table.columns.get(name).levels?.length ?? 0) <= 40));
  box.replaceChildren(...names.map((name) => {
    const input = Object.assign(document.createElement("input"), {type: "checkbox", checked: axes.includes(name)});
    input.dataset.axis = name;
    input.addEventListener("change", () => {
      const now = axesOf(state, table);
      state.axes = (input.checked ? [...now, name] : now.filter((one) => one !== name)).join(",");
      apply();
    });
    const label = document.createElement("label");
    label.append(input, ` ${title(name)}`);
    return label;
  }));
}
