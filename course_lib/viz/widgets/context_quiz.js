// A centre patch and one of its eight neighbours: on which side does it lie?
function render({ model, el }) {
  const config = model.get("config"), arrays = course.arrays(model.get("data"), config.arrays);
  const root = course.root(el, config), status = course.announcer(), board = course.quiz.board();
  const { sides, steps, patch, switches } = config, { figure } = course.quiz, KEYPAD = "78946123";
  const { state, total, rows, round, answered, set, record, close } = course.quiz.rounds(model, { colors: false }, draw);
  let began = performance.now(), shown = -1;

  function answer(side) {
    if (answered()) return;
    const { truth, model: guess } = round();
    record({ round: state.round + 1, mode: "choose", answer: sides[side], truth: sides[truth], right: Number(side === truth), of: 1,
      model_answer: guess == null ? null : sides[guess], model_right: guess == null ? null : Number(guess === truth),
      colors: state.colors, milliseconds: Math.round(performance.now() - began) });
    draw();
    (next.hidden ? save : next).focus();
  }

  // ---- controls ----
  const colors = switches.drop_colors ? course.check("colours of the image (the model sees one channel and noise)", { value: state.colors, change: value => set({ colors: value }) }) : null;
  const title = course.make("strong"), pixels = count => `${count} pixel${count === 1 ? "" : "s"}`;
  const used = `Switches against shortcuts: gap ${pixels(switches.gap)}, jitter ${pixels(switches.jitter)}, drop_colors ${switches.drop_colors ? "on" : "off"}; patches of ${patch} × ${patch} pixels.`;
  const next = course.button("Next round", () => { set({ round: state.round + 1 }); roving.focus(1); });
  const save = course.button("Save answers", () => course.quiz.save("context-answers.csv", rows()));
  const square = 112, canvas = label => course.make("canvas", { width: patch, height: patch, role: "img", "aria-label": label, style: `width: ${square}px; height: ${square}px` });
  const centre = canvas("the centre patch"), neighbour = canvas("the neighbour whose side is asked for");
  const buttons = steps.map((_, side) => course.button("", () => answer(side), { style: `width: ${square}px; height: ${square}px; padding: 2px` }));
  const group = course.make("div", { role: "group", "aria-label": "eight sides of the centre", style: "display: inline-grid; grid-template-columns: repeat(3, auto); gap: 4px" });
  steps.forEach(([down, right], side) => {
    if (down === 0 && right === 1) group.append(centre);
    group.append(buttons[side]);
  });
  // reading order is not a full grid: the centre is no button, so the arrows go by rows and columns
  const roving = course.quiz.roving(group, buttons, 3, Object.fromEntries([
    ...Object.entries({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }).map(([key, [down, right]]) => [key, event => {
      const here = steps[buttons.indexOf(event.target)];
      if (!here) return;
      const find = times => steps.findIndex(([row, column]) => row === here[0] + times * down && column === here[1] + times * right);
      const to = find(1) >= 0 ? find(1) : find(2);  // over the centre
      if (to >= 0) roving.focus(to);
    }]),
    ...[...KEYPAD].map((digit, side) => [digit, () => answer(side)])]));
  course.quiz.onePress(root);
  root.addEventListener("keydown", event => {  // digits answer wherever the focus is
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYPAD.includes(event.key)) return;
    event.preventDefault();
    answer(KEYPAD.indexOf(event.key));
  });
  const solution = course.make("div", { "data-part": "solution" });
  root.append(course.bar(title, colors?.node),
    course.make("p", { style: "margin: 4px 0 8px" }, "On which side of the centre does the patch lie? Click there, or move with the arrow keys and press Enter, or press a digit as on a number pad."),
    course.make("div", { class: "course-columns" }, figure("Where is this patch?", neighbour), figure("Around the centre", group), solution),
    status.node, course.make("p", { style: "margin: 4px 0" }, used), course.make("div", { class: "course-bar", style: "margin-top: 8px" }, next, save), board.node);

  // ---- drawing ----
  function whole() {
    const picture = course.picture(arrays.images, state.round), zoom = Math.max(1, Math.round(340 / picture.width)), { truth, corners } = round();
    const out = course.make("canvas", { width: picture.width * zoom, height: picture.height * zoom, role: "img", style: "max-width: 100%",
      "aria-label": `the whole image: a frame marked C around the centre, a dashed one marked ? around its neighbour, ${sides[truth]}` });
    const context = out.getContext("2d");
    course.enlarge(context, picture);
    corners.forEach(([top, left], i) => {
      const path = new Path2D(), [x, y, side] = [left * zoom, top * zoom, patch * zoom];
      path.rect(x + 2, y + 2, side - 4, side - 4);
      context.lineWidth = 5; context.strokeStyle = "#000"; context.stroke(path);
      context.setLineDash(i ? [8, 6] : []); context.lineWidth = 3; context.strokeStyle = "#fff"; context.stroke(path); context.setLineDash([]);
      context.fillStyle = "#000"; context.fillRect(x + 5, y + 5, 20, 22);
      context.fillStyle = "#fff"; context.font = "bold 16px sans-serif"; context.textAlign = "center"; context.textBaseline = "middle";
      context.fillText(i ? "?" : "C", x + 15, y + 17);
    });
    return out;
  }
  function verdict(done) {
    const mine = done.right ? `Correct: it lies ${done.truth}.` : `Wrong: you chose ${done.answer}, it lies ${done.truth}.`;
    const other = done.model_right == null ? "" : ` The model chose ${done.model_answer}: ${done.model_right ? "correct" : "wrong"}.`;
    return `${mine}${other} So far: ${course.quiz.words(rows(), config.chance)}.${rows().length === total ? " That was the last round." : ""}`;
  }
  function draw() {
    const done = answered(), { truth, model: guess } = round(), from = state.colors ? arrays.raw : arrays.patches;
    if (shown !== state.round) { shown = state.round; began = performance.now(); }
    title.textContent = `Round ${state.round + 1} of ${total}`;
    colors?.set(state.colors);
    [centre, neighbour].forEach((canvas, i) => canvas.getContext("2d").drawImage(course.picture(from, 2 * state.round + i), 0, 0));
    buttons.forEach((button, side) => {
      const words = done ? [side === truth ? "✓ correct" : null, done.answer === sides[side] ? "your answer" : null, guess === side ? "the model's answer" : null].filter(Boolean) : [];
      button.replaceChildren(course.make("strong", {}, KEYPAD[side]), course.make("br"), sides[side], ...words.flatMap(word => [course.make("br"), word]));
      button.setAttribute("aria-label", [`${KEYPAD[side]} ${sides[side]}`, ...words].join(", "));
      button.style.boxShadow = done && side === truth ? "inset 0 0 0 4px currentColor" : "";
      button.style.borderStyle = words.length && side !== truth ? "dashed" : "";
      if (done) button.setAttribute("aria-disabled", "true"); else button.removeAttribute("aria-disabled");
    });
    solution.replaceChildren(...(done ? [figure("Both patches in the image", whole())] : []));
    next.hidden = !done || state.round + 1 >= total;
    save.disabled = !rows().length;
    board.show(rows(), config.chance, "Right answers; the dashed line is chance");
    status.say(done ? verdict(done) : `Round ${state.round + 1} of ${total}: on which side of the centre does the patch lie?`);
    course.drawn(el);
  }

  draw();
  return close;
}
const widget = { render };
export default widget;
