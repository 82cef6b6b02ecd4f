// Nine tiles in a wrong order: choose the right one of a few orders, or move the tiles yourself.
function render({ model, el }) {
  const config = model.get("config"), arrays = course.arrays(model.get("data"), config.arrays);
  const root = course.root(el, config), status = course.announcer(), board = course.quiz.board();
  const { grid, tile } = config, { figure } = course.quiz, count = grid * grid, LETTERS = "ABCDEFGH";
  const { state, total, rows, round, answered, set, record, close } = course.quiz.rounds(model, { mode: "choose", colors: false }, draw);
  let placed = [], picked = null, switched = false, began = performance.now(), shown = "", cells = [], inside = {};

  // ---- what is known ----
  const mode = () => answered()?.mode ?? state.mode;
  const spot = place => `row ${Math.floor(place / grid) + 1}, column ${place % grid + 1}`;
  const tileCanvas = k => course.picture(state.colors ? arrays.raw : arrays.tiles, state.round * count + k);
  // puzzle tile k into cell order[k], with a gap of one pixel
  function together(order, wide, label) {
    const side = grid * tile + grid - 1, canvas = course.make("canvas", { width: side, height: side, style: `width: ${wide}px; height: ${wide}px`, ...label });
    const context = canvas.getContext("2d");
    order.forEach((cell, k) => context.drawImage(tileCanvas(k), cell % grid * (tile + 1), Math.floor(cell / grid) * (tile + 1)));
    return canvas;
  }
  // the whole image with the outline of every crop
  function whole(wide) {
    const picture = course.picture(arrays.images, state.round), zoom = Math.max(1, Math.round(wide / picture.width));
    const canvas = course.make("canvas", { width: picture.width * zoom, height: picture.height * zoom, role: "img", "aria-label": "the whole image; frames show what of it the tiles hold", style: "max-width: 100%" });
    const context = canvas.getContext("2d");
    course.enlarge(context, picture);
    for (const [top, left] of round().places) { const path = new Path2D(); path.rect(left * zoom + 1, top * zoom + 1, tile * zoom - 2, tile * zoom - 2); course.stroke(context, path, "#fff", 1); }
    return canvas;
  }

  // ---- what happens ----
  function answer(entry) {
    if (answered()) return;
    record({ round: state.round + 1, mode: state.mode, ...entry, colors: state.colors, switched, milliseconds: Math.round(performance.now() - began) });
    draw();
    (next.hidden ? save : next).focus();
  }
  const choose = index => answer({ answer: LETTERS[index], truth: LETTERS[round().truth], right: Number(index === round().truth), of: 1,
    model_answer: round().model == null ? null : LETTERS[round().model], model_right: round().model == null ? null : Number(round().model === round().truth) });
  // in the log an order says for each place of the puzzle where its tile belongs, from 1
  const cellsOf = arrangement => arrangement.reduce((order, k, place) => { order[k] = place + 1; return order; }, []);
  function submit() {
    const { order, model_order } = round(), agree = other => other.filter((cell, k) => cell === order[k]).length;
    const mine = cellsOf(placed);
    answer({ answer: mine, truth: order.map(cell => cell + 1), right: agree(mine.map(cell => cell - 1)), of: count,
      model_answer: model_order && model_order.map(cell => cell + 1), model_right: model_order && agree(model_order) });
  }
  function take(place) {
    if (answered()) return;
    if (picked === null) { picked = place; draw(`Picked up the tile in ${spot(place)}; choose where it goes.`); return; }
    const from = picked;
    picked = null;
    if (from === place) return draw("Put back; nothing has moved.");
    [placed[from], placed[place]] = [placed[place], placed[from]];
    draw(`The tiles in ${spot(from)} and ${spot(place)} have changed places.`);
  }

  // ---- controls ----
  const title = course.make("strong"), prompt = course.make("p", { style: "margin: 4px 0 8px" });
  const modes = course.choice("Question", { options: [["choose", `choose among ${config.rounds[0].choices.length} orders`], ["arrange", "arrange the tiles"]], value: state.mode,
    change: value => { switched = true; picked = null; set({ mode: value }); } });
  const colors = config.standardised ? course.check("colours of the image (the model sees each tile standardised)", { value: state.colors, change: value => set({ colors: value }) }) : null;
  const stage = course.make("div"), next = course.button("Next round", () => {
    switched = false; picked = null;
    set({ round: state.round + 1 });
    inside.focus?.(0);
  });
  const save = course.button("Save answers", () => course.quiz.save("jigsaw-answers.csv", rows()));
  root.append(course.bar(title, modes.node, colors?.node), prompt, stage, status.node,
    course.make("div", { class: "course-bar", style: "margin-top: 8px" }, next, save), board.node);

  const letters = many => Object.fromEntries([...LETTERS.slice(0, many)].flatMap((letter, i) => [letter, letter.toLowerCase(), String(i + 1)].map(key => [key, () => choose(i)])));
  course.quiz.onePress(root);
  root.addEventListener("keydown", event => {  // letters answer wherever the focus is, but in a list they choose of the list
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === modes.input || mode() !== "choose") return;
    const act = letters(round().choices.length)[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // ---- drawing ----
  const identity = () => [...Array(count).keys()];
  function buildChoices() {
    const group = course.make("div", { class: "course-columns", role: "group", "aria-label": "orders to choose from", style: "gap: 12px" });
    cells = round().choices.map((order, i) => {
      const note = course.make("span", { style: "display: block; min-height: 2.9em; max-width: min(168px, 19vw)" });
      const button = course.button("", () => choose(i), { style: "padding: 4px; text-align: center" });
      const small = together(order, 168, { "aria-hidden": "true" });
      small.style.cssText = "width: min(168px, 19vw); height: auto; margin: auto";  // four beside each other on a narrow page too
      button.append(small, course.make("strong", {}, LETTERS[i]), note);
      group.append(button);
      return { button, note };
    });
    inside = course.quiz.roving(group, cells.map(cell => cell.button), cells.length, letters(cells.length));
    return course.make("div", { class: "course-columns" }, figure("The puzzle", together(identity(), 190, { role: "img", "aria-label": `the puzzle: ${count} tiles in a wrong order` })),
      course.make("div", {}, course.make("strong", { style: "display: block; margin: 4px 0" }, "The same tiles in these orders"), group));
  }
  function buildBoard() {
    const group = course.make("div", { role: "group", "aria-label": "tiles", style: `display: inline-grid; grid-template-columns: repeat(${grid}, auto); gap: 3px` });
    cells = identity().map(place => {
      const canvas = course.make("canvas", { width: tile, height: tile, "aria-hidden": "true", style: "width: 92px; height: 92px" });
      const button = course.button("", () => take(place), { style: "padding: 2px; position: relative" }), note = course.make("span", { style: "display: block; font-size: 12px; line-height: 1.3" });
      button.append(canvas, note);
      group.append(button);
      return { button, canvas, note };
    });
    inside = course.quiz.roving(group, cells.map(cell => cell.button), grid, { Escape: () => { if (picked !== null) { picked = null; draw("Put back; nothing has moved."); } } });
    return course.make("div", { class: "course-columns" }, figure("Your order", group,
      course.make("div", { style: "margin-top: 8px" }, course.button("Submit this order", submit, { "data-part": "submit" }))));
  }
  function paintChoices(done) {
    const { truth, model: guess } = round();
    cells.forEach(({ button, note }, i) => {
      const words = done ? [i === truth ? "✓ right" : null, done.answer === LETTERS[i] ? "your answer" : null, guess === i ? "the model's answer" : null].filter(Boolean) : [];
      note.textContent = words.join(", ");
      button.setAttribute("aria-label", [`${LETTERS[i]}`, ...words].join(", "));
      button.style.boxShadow = done && i === truth ? "0 0 0 3px currentColor" : "";
      button.style.borderStyle = done && i !== truth && words.length ? "dashed" : "";
      if (done) button.setAttribute("aria-disabled", "true");
    });
  }
  function paintBoard(done) {
    cells.forEach(({ button, canvas, note }, place) => {
      const k = placed[place], fits = round().order[k] === place;
      canvas.getContext("2d").drawImage(tileCanvas(k), 0, 0);
      note.textContent = done ? fits ? "✓ right" : `✗ ${spot(round().order[k]).replace("column", "col")}` : picked === place ? "picked up" : "\u00a0";
      button.setAttribute("aria-pressed", String(picked === place));
      button.setAttribute("aria-label", `${spot(place)}: tile ${k + 1}${done ? fits ? ", ✓ right" : `, ✗ belongs in ${spot(round().order[k])}` : picked === place ? ", picked up" : ""}`);
      if (done) button.setAttribute("aria-disabled", "true");
    });
    stage.querySelector("[data-part=submit]").hidden = Boolean(done);
  }
  function solution(done) {
    const nodes = [figure("The image and its tiles", whole(210))];
    if (done.mode === "arrange") {
      nodes.unshift(figure("The right order", together(round().order, 210, { role: "img", "aria-label": "the tiles in the right order" })));
      if (round().model_order) nodes.push(figure(`The model's order: ${done.model_right} of ${count}`, together(round().model_order, 210, { role: "img", "aria-label": `the tiles as the model orders them, ${done.model_right} of ${count} in the right place` })));
    }
    return course.make("div", { class: "course-columns", "data-part": "solution", style: "margin-top: 12px" }, ...nodes);
  }
  function verdict(done) {
    const other = done.model_right == null ? "" : done.mode === "choose" ? ` The model chose ${done.model_answer}: ${done.model_right ? "right" : "wrong"}.` : ` The model, choosing among ${config.orders} orders, has ${done.model_right} of ${count} in the right place.`;
    const mine = done.mode === "choose" ? done.right ? `Right: ${done.truth} is the order of the image.` : `Wrong: you chose ${done.answer}, the right order is ${done.truth}.` : `${done.right} of ${count} tiles are in the right place.`;
    return `${mine}${other} So far: ${course.quiz.words(rows().filter(row => row.mode === done.mode), config.chances[done.mode])}.${rows().length === total ? " That was the last round." : ""}`;
  }
  function draw(said) {
    const done = answered(), now = mode(), key = [state.round, now, state.colors].join();
    if (shown.split(",")[0] !== String(state.round)) { placed = identity(); began = performance.now(); }
    if (done && now === "arrange") done.answer.forEach((cell, k) => { placed[cell - 1] = k; });
    title.textContent = `Round ${state.round + 1} of ${total}`;
    modes.set(now); modes.input.disabled = Boolean(done); colors?.set(state.colors);
    prompt.textContent = now === "choose" ? "Which order makes an image? Click on it, or move with the arrow keys and press Enter; A, B, … answer at once."
      : "Click on two tiles and they change places; or move with the arrow keys, pick up and drop with Enter or Space. Escape puts a tile back.";
    if (key !== shown) { const focused = stage.contains(document.activeElement); stage.replaceChildren(now === "choose" ? buildChoices() : buildBoard()); shown = key; if (focused) inside.focus(0); }
    stage.querySelector("[data-part=solution]")?.remove();
    if (now === "choose") paintChoices(done); else paintBoard(done);
    if (done) stage.append(solution(done));
    next.hidden = !done || state.round + 1 >= total;
    save.disabled = !rows().length;
    board.show(rows().filter(row => row.mode === now), config.chances[now], now === "choose" ? "Right answers; the dashed line is chance" : "Tiles in the right place; the dashed line is chance");
    status.say(said ?? (done ? verdict(done) : `Round ${state.round + 1} of ${total}: ${now === "choose" ? `choose among ${cells.length} orders` : "arrange the tiles"}.`));
    course.drawn(el);
  }

  draw();
  return close;
}
const widget = { render };
export default widget;
