// Ratings, heat maps and distributions, drawn anew when the votes have changed.
const at = id => document.getElementById(id), pauseButton = at("pause"), EVERY = 3000;
// viridis at 0, 1/9, ..., 1
const STOPS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"]
  .map(hex => [0, 2, 4].map(place => parseInt(hex.slice(place, place + 2), 16)));
let tag = null, paused = false;

function viridis(value) {
  const place = Math.min(Math.max(value, 0), 1) * (STOPS.length - 1), low = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[low].map((channel, i) => Math.round(channel + (place - low) * (STOPS[low + 1][i] - channel)));
}
function luminance(color) {  // WCAG's relative luminance
  const [r, g, b] = color.map(channel => channel / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function make(tag, text, more = {}) { return Object.assign(document.createElement(tag), { textContent: text }, more); }
function row(...cells) { const line = document.createElement("tr"); line.append(...cells); return line; }
const several = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;
function head(text, scope = "col") { return make("th", text, { scope }); }
function fill(id, caption, heads, rows) {
  const top = document.createElement("thead"), body = document.createElement("tbody");
  top.append(row(...heads)); body.append(...rows);
  at(id).replaceChildren(make("caption", caption), top, body);
}

function heat(id, caption, names, values, text, scale) {
  const cell = (value, i, j) => {
    if (i === j) return make("td", "–");
    if (value === null) return make("td", "none");
    const node = make("td", text(value)), color = viridis(scale(value));
    node.style.background = `rgb(${color})`;
    node.style.color = luminance(color) > 0.18 ? "black" : "white";
    return node;
  };
  fill(id, caption, [head("row against column"), ...names.map(name => head(name))],
    names.map((name, i) => row(head(name, "row"), ...values[i].map((value, j) => cell(value, i, j)))));
}
function bars(id, caption, counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  fill(id, caption, [head(caption), head("votes"), head("share")], Object.entries(counts).map(([name, count]) => {
    const share = total ? count / total : 0, last = make("td", `${(100 * share).toFixed(0)} %`), bar = make("span", "", { className: "share" });
    bar.style.width = `${6 * share}em`;
    last.append(bar);
    return row(head(NAMES[name] ?? name, "row"), make("td", count), last);
  }));
}
const NAMES = { model_a: "left is better", model_b: "right is better", "tie (bothbad)": "both bad", ocr_chart: "text and chart", vision_centric: "vision-centric" };

function draw(found) {
  const names = found.models.map(model => model.name), most = Math.max(1, ...found.counts.flat());
  at("asof").textContent = `${several(found.votes, "vote")} of ${several(found.voters, "voter")}.`;
  at("note").textContent = found.note;
  fill("ratings", "Best first. Bradley-Terry ratings have mean 1000, their intervals are by question; a rank is 1 + the number of models whose interval lies above. Online Elo begins at 1000 and moves by less than 4 a battle.",
    [head("rank"), head("model"), head("Bradley-Terry"), head("95% interval"), head("online Elo"), head("battles")],
    found.models.map(model => row(make("td", model.rank ?? "–"), head(model.name, "row"), make("td", model.rating.toFixed(0)),
      make("td", model.low == null ? "too few votes" : `${model.low.toFixed(0)} to ${model.high.toFixed(0)}`), make("td", model.elo.toFixed(0)), make("td", model.battles))));
  heat("counts", "How often each pair met", names, found.counts, value => value, value => value / most);
  heat("wins", "Wins of the row among the battles that one of the two won", names, found.wins, value => value.toFixed(2), value => value);
  bars("winners", "vote", found.winners);
  bars("families", "family", found.families);
  bars("domains", "domain", found.domains);
  document.body.dataset.votes = found.votes;
}

async function look() {
  if (!paused && !document.hidden) {
    try {
      const answer = await fetch("/api/standings", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.status === 200) { tag = answer.headers.get("ETag"); draw(await answer.json()); }
    } catch { at("asof").textContent = "The arena does not answer; trying again."; tag = null; }
  }
  setTimeout(look, EVERY);
}
pauseButton.addEventListener("click", () => {
  paused = !paused;
  pauseButton.setAttribute("aria-pressed", String(paused));
});
look();
