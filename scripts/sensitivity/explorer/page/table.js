/* The list of selected rows: sorted by a click on a column's name, copied as CSV. */
const PER_PAGE = 50;

function listed(state, table, axes) {
  const names = ["dataset", ...(state.rows === "networks" ? ["replicate"] : []), state.x, state.y, ...axes, "model"];
  return [...new Set(names)].filter((name) => table.columns.has(name));
}

/* Rows in the order of the list; a leading minus in `state.sort` turns it around, missing ones go last. */
function ordered(state, table, rows) {
  const column = table.columns.get(state.sort.replace(/^-/, ""));
  if (!column) return rows;
  const sign = state.sort.startsWith("-") ? -1 : 1;
  const key = new Map(rows.map((row) => [row, place(column, row)]));
  return [...rows].sort((a, b) => {
    const [p, q] = [key.get(a), key.get(b)];
    if (Number.isNaN(p) || Number.isNaN(q)) return Number.isNaN(p) - Number.isNaN(q) || a - b;
    return sign * (p - q) || a - b;
  });
}

function drawTable(state, table, axes, rows, apply) {
  const names = listed(state, table, axes);
  const pages = Math.max(1, Math.ceil(rows.length / PER_PAGE));
  state.page = Math.min(Math.max(state.page, 0), pages - 1);
  const start = state.page * PER_PAGE;
  document.getElementById("shown").textContent =
    rows.length ? `${start + 1} to ${Math.min(start + PER_PAGE, rows.length)} of ${rows.length}` : "nothing selected";
  document.getElementById("previous").disabled = state.page === 0;
  document.getElementById("next").disabled = state.page >= pages - 1;
  const focused = document.activeElement?.dataset?.sort;
  document.querySelector("#table thead").replaceChildren(headRow(state, names, apply));
  document.querySelector("#table tbody").replaceChildren(
    ...ordered(state, table, rows).slice(start, start + PER_PAGE).map((row) => bodyRow(table, names, row)));
  if (focused) document.querySelector(`#table button[data-sort="${focused}"]`)?.focus();
}

function headRow(state, names, apply) {
  const line = document.createElement("tr");
  line.append(...names.map((name) => {
    const cell = document.createElement("th");
    const [up, down] = [state.sort === name, state.sort === `-${name}`];
    cell.setAttribute("aria-sort", up ? "ascending" : down ? "descending" : "none");
    const button = Object.assign(document.createElement("button"), {type: "button"});
    button.textContent = title(name) + (up ? " ↑" : down ? " ↓" : "");
    button.dataset.sort = name;
    button.addEventListener("click", () => {
      state.sort = up ? `-${name}` : down ? "" : name;
      state.page = 0;
      apply();
    });
    cell.append(button);
    return cell;
  }));
  return line;
}

function bodyRow(table, names, row) {
  const line = document.createElement("tr");
  line.append(...names.map((name) => {
    const column = table.columns.get(name);
    const cell = document.createElement("td");
    if (column.numbers) cell.className = "number";
    if (name === "model") {
      const link = Object.assign(document.createElement("a"), {textContent: shown(column, row)});
      link.href = folder(table, row).split("/").map(encodeURIComponent).join("/");
      cell.append(link);
    } else cell.textContent = shown(column, row);
    return cell;
  }));
  return line;
}

/* All selected rows, in the list's order, as CSV text. */
function csv(state, table, axes, rows, whole) {
  const names = whole ? [...table.columns.keys()] : listed(state, table, axes);
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = ordered(state, table, rows).map(
    (row) => names.map((name) => quoted(shown(table.columns.get(name), row))).join(","));
  return [names.join(","), ...lines, ""].join("\n");
}

/* Puts text on the clipboard; returns whether it could. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = Object.assign(document.createElement("textarea"), {value: text});
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
