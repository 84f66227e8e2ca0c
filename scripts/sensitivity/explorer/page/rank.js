/* Kendall's tau-b of two arrays of finite numbers, by Knight's sort: n log n. NaN if one is constant. */
function kendall(x, y) {
  const count = x.length;
  const order = Uint32Array.from({length: count}, (_, i) => i);
  order.sort((a, b) => x[a] - x[b] || y[a] - y[b]);
  const alike = (equal) => {
    let [pairs, run] = [0, 1];
    for (let i = 1; i <= count; i++) {
      if (i < count && equal(order[i - 1], order[i])) run++;
      else [pairs, run] = [pairs + (run * (run - 1)) / 2, 1];
    }
    return pairs;
  };
  const tiedX = alike((a, b) => x[a] === x[b]);
  const tiedBoth = alike((a, b) => x[a] === x[b] && y[a] === y[b]);
  const sorted = Float64Array.from(order, (i) => y[i]);
  const swaps = exchanges(sorted);
  let [tiedY, run] = [0, 1];
  for (let i = 1; i <= count; i++) {
    if (i < count && sorted[i] === sorted[i - 1]) run++;
    else [tiedY, run] = [tiedY + (run * (run - 1)) / 2, 1];
  }
  const all = (count * (count - 1)) / 2;
  return (all - tiedX - tiedY + tiedBoth - 2 * swaps) / Math.sqrt((all - tiedX) * (all - tiedY));
}

/* The 95 % interval of a tau, as text, as if all rows were independent (Fieller, Hartley and Pearson 1957). */
function interval(tau, count) {
  if (!(Math.abs(tau) < 1) || count < 5) return "";
  const ends = [-1, 1].map((side) => Math.tanh(Math.atanh(tau) + side * 1.96 * Math.sqrt(0.437 / (count - 4))));
  return ` [${ends.map((end) => end.toFixed(2)).join(", ")}]`;
}

/* Sorts in place by merging; returns how many pairs stood in the wrong order. */
function exchanges(values) {
  const count = values.length;
  let [from, to, swaps] = [values, new Float64Array(count), 0];
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      const end = Math.min(start + 2 * width, count);
      let [left, right] = [start, middle];
      for (let i = start; i < end; i++) {
        if (left < middle && (right >= end || from[left] <= from[right])) to[i] = from[left++];
        else {
          to[i] = from[right++];
          swaps += middle - left;
        }
      }
    }
    [from, to] = [to, from];
  }
  if (from !== values) values.set(from);
  return swaps;
}
