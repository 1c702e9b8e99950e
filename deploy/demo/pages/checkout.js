// The shop's side of the page. Telltale's script tag has started by itself and gives `window.telltale`,
// unless it was blocked: then the shop asks its question.
"use strict";

const LOOK_EVERY_MS = 2000;
const LEVELS = [[70, "good"], [50, "middling"], [0, "bad"]];
const UNSEEN = { status: "unavailable", trust: null, reasons: [] };
const by = (id) => document.getElementById(id);
const form = by("checkout");
let moved = false;

for (const kind of ["pointermove", "keydown", "touchstart", "scroll"]) {
  addEventListener(kind, () => { moved = true; }, { passive: true, capture: true });
}

function show(result) {
  const known = result.status === "judged" && result.trust !== null;
  by("score").textContent = known ? String(result.trust) : "–";
  by("gauge").value = known ? result.trust : 0;
  by("trust").dataset.level = known ? LEVELS.find(([least]) => result.trust >= least)[1] : "";
  by("status").textContent = {
    judged: result.needsChallenge ? "A challenge will be asked for." : "No challenge needed so far.",
    pending: "The verdict is on its way.",
    off: "Your browser asks not to be watched, so nothing is collected.",
    unavailable: "Telltale cannot be reached just now.",
  }[result.status];
  by("reasons").replaceChildren(...result.reasons.slice(0, 4).map((reason) => {
    const item = document.createElement("li");
    item.textContent = reason.message;
    item.title = reason.code;
    return item;
  }));
}

async function look() {
  if (moved && window.telltale && document.visibilityState === "visible") {
    moved = false;
    show(await window.telltale.analyze());
  }
  setTimeout(look, LOOK_EVERY_MS);
}

function ask(question) {
  by("question").textContent = question;
  by("answer").value = "";
  const dialog = by("challenge");
  dialog.returnValue = ""; // or Escape may leave it as the last answer set it
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "reply" ? by("answer").value : null), { once: true });
  });
}

async function order(solution) {
  const answer = await fetch("/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ session_id: window.telltale?.sessionId ?? null, ...solution }),
  });
  return answer.json();
}

function tell(text, good) {
  by("outcome").textContent = text;
  by("outcome").className = good ? "good" : "bad";
}

async function buy() {
  tell("Checking ...", true);
  show((await window.telltale?.analyze()) ?? UNSEEN);
  let told = await order({});
  while (told.status === "challenge") {
    const answer = await ask(told.question);
    if (answer === null) {
      tell("The order waits until the question is answered.", false);
      return;
    }
    told = await order({ challenge_id: told.challenge_id, answer });
  }
  const [text, good] = {
    ordered: ["Thank you. Your lamp is on its way.", true],
    refused: ["We could not take this order. Please call us.", false],
  }[told.status] ?? ["We cannot take orders just now. Please try again in a minute.", false];
  tell(text, good);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const missing = [...form.elements].find((field) => field.willValidate && !field.checkValidity());
  by("missing").hidden = !missing;
  if (missing) {
    by("missing").textContent = `${missing.labels[0].textContent.trim()}: ${missing.validationMessage}`;
    missing.focus();
    return;
  }
  by("buy").disabled = true;
  try {
    await buy();
  } catch {
    tell("We cannot take orders just now. Please try again in a minute.", false);
  } finally {
    by("buy").disabled = false;
  }
});

look();
