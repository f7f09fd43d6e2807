const data = JSON.parse(document.getElementById("data").textContent);
const {columns, edges, rows} = data;
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const middles = edges.map(one => one.map(([least, greatest]) => (least + greatest) / 2));

// The bins of a column whose middle a brush holds: what Vega-Lite's own filter leaves, too.
function within(at, brush) {
  if (!brush) return null;
  const [low, high] = [Math.min(...brush), Math.max(...brush)];
  return new Set(middles[at].keys().filter(bin => low <= middles[at][bin] && middles[at][bin] <= high));
}

function condition(at, bins) {
  const chosen = edges[at].filter((_, bin) => bins.has(bin));
  const least = chosen[0][0], greatest = chosen[chosen.length - 1][1];
  return least === greatest ? `${columns[at]} = ${least}` : `${columns[at]} >= ${least} AND ${columns[at]} <= ${greatest}`;
}

function show(chosen) {
  const held = rows.filter(row => row.bins.every((bin, at) => !chosen[at] || chosen[at].has(bin)));
  const limits = chosen.map((bins, at) => bins && bins.size ? condition(at, bins) : null).filter(Boolean);
  const where = limits.join(" AND ");
  const count = held.reduce((sum, row) => sum + BigInt(row.count), 0n);
  const said = [["architectures", count.toLocaleString("en")]];
  if (held.length) {
    const best = held[0], by = columns.map((name, at) => `${name} ${best.best[at].toLocaleString("en", {maximumFractionDigits: 20})}`).join(", ");
    said.push(["the best of them", `index ${best.index}: ${by}`], ["arch", best.arch], ["", best.drawing]);
    const option = where ? ` --where "${where}"` : "";
    said.push(["condition", where || "none: all"], ["command", `sedspace top ${data.quoted} -k 1 --by ${columns[0]}${option}`]);
    if (data.own.length) said.push(["of your own", `${data.own.join(", ")}: the command needs its file, --costs or --scores`]);
    if (data.run) {
      said.push(["count", `sedspace query ${data.quoted} "SELECT count(*) FROM archs${where ? " WHERE " + where : ""}"`]);
    } else if (where) {
      said.push(["count", `ss.members(${JSON.stringify(data.target)}, where="${where}").count`]);
    }
  }
  const place = document.getElementById("chosen");
  place.replaceChildren(...said.flatMap(([name, text]) => {
    const head = document.createElement("b"), body = document.createElement("code");
    head.textContent = name;
    body.textContent = text;
    if (text.includes("\n")) body.className = "drawing";
    return [head, body];
  }));
  place.dataset.count = count;
  place.dataset.where = where;
}

// All is as wide as the page lets it; on a phone the map stands below the histograms.
const wide = document.getElementById("chart").clientWidth;
const stacked = wide < 700;
const room = stacked ? wide - 75 : (wide - 230) / 2;
function narrowed(part) {
  if (Array.isArray(part)) return part.map(narrowed);
  if (!part || typeof part !== "object" || part.values) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => {
    if (key === "width") return [key, Math.min(value, room)];
    if (stacked && key === "legend" && value) return [key, {...value, orient: "bottom", gradientLength: room}];
    return [stacked && key === "hconcat" ? "vconcat" : key, narrowed(value)];
  }));
}

vegaEmbed("#chart", narrowed(data.chart), {actions: false, theme: dark ? "dark" : undefined}).then(({view}) => {
  window.view = view;
  const update = () => {
    const chosen = columns.map((_, at) => within(at, Object.values(view.signal(`brush${at}`) || {})[0]));
    const {b0, b1} = view.signal("cell") || {};
    for (const [at, bins] of [[0, b0], [1, b1]]) {
      if (bins) chosen[at] = new Set(bins.filter(bin => !chosen[at] || chosen[at].has(bin)));
    }
    show(chosen);
  };
  columns.forEach((_, at) => view.addSignalListener(`brush${at}`, update));
  view.addSignalListener("cell", update);
  update();
  document.body.dataset.ready = "yes";
});
