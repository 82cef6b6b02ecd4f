// One pair after the other: show it, take one vote, send it until it is answered, say who was who.
const at = id => document.getElementById(id);
const [question, image, status, next] = ["question", "image", "status", "next"].map(at);
const buttons = [...document.querySelectorAll("[data-winner]")];
const words = { left: "left is better", right: "right is better", tie: "tie", "both bad": "both bad" };
const pause = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
let battle = null, votes = 0;  // battle: the id of the pair that can be voted on

function say(text) { status.textContent = text; }
function open(yes) { buttons.forEach(button => { button.disabled = !yes; }); }

// The same request again until an answer comes: the key tells the server that it is the same.
async function send(path, content) {
  for (let wait = 1; ; wait = Math.min(2 * wait, 15)) {
    let answer = null;
    try {
      answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
      if (answer.status < 500) return { status: answer.status, ...await answer.json() };
    } catch { /* no connection, or it broke off */ }
    say(`The arena does not answer; trying again in ${wait} s. Nothing is lost.`);
    await pause(wait);
  }
}

// crypto.randomUUID exists on safe addresses only; a class opens http://name-of-the-laptop
const key = () => [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");

async function show() {
  next.hidden = true;
  const shown = await send("/api/next", {});
  if (shown.status !== 200) { say(shown.sentence); return; }
  question.textContent = shown.question;
  image.src = shown.image; image.alt = shown.alt; image.hidden = false;
  for (const side of ["left", "right"]) { at(side).textContent = shown[side]; at(`${side}-name`).textContent = ""; }
  battle = shown.battle;
  buttons.forEach(button => button.setAttribute("aria-pressed", "false"));
  open(true);
  say(`Pair ${votes + 1}: which answer is better?`);
  document.body.dataset.battle = battle;
}

async function vote(winner) {
  if (battle === null) return;
  const voted = battle;
  battle = null;
  open(false);
  const answer = await send("/api/vote", { battle: voted, winner, key: key() });
  if (answer.status === 429) {  // it may be sent again: the pair is still open
    battle = voted;
    open(true);
    say(answer.sentence);
    return;
  }
  if (answer.status === 200) {
    votes += 1;
    buttons.forEach(button => button.setAttribute("aria-pressed", String(button.dataset.winner === answer.winner)));
    for (const side of ["left", "right"]) at(`${side}-name`).textContent = `· ${answer[side]}`;
    say(`Your vote: ${words[answer.winner]}. Left is ${answer.left}, right is ${answer.right}.`);
  } else say(`${answer.sentence} It was not counted.`);
  next.hidden = false;
  next.focus();
}

buttons.forEach(button => button.addEventListener("click", () => vote(button.dataset.winner)));
next.addEventListener("click", async () => { await show(); at("question").focus(); });
const keys = { ArrowLeft: "left", ArrowRight: "right", t: "tie", b: "both bad" };
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;  // a key held down is one vote
  const winner = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (!winner || battle === null) return;
  event.preventDefault();
  vote(winner);
});
question.tabIndex = -1;
show();
