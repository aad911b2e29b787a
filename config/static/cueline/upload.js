// Sends a file in parts, so that a slow or broken connection costs one part and not the file.
"use strict";
(() => {
  const form = document.querySelector(".cueline-upload");
  if (!form) return;
  const PART = Number(form.dataset.partBytes);
  const ATTEMPTS = 5;
  const state = form.querySelector(".cueline-upload-state");
  const fault = form.querySelector(".cueline-fault");
  const button = form.querySelector("button[type=submit]");

  const fields = (names) => {
    const given = new FormData(form);
    const sent = new FormData();
    for (const name of names) sent.append(name, given.get(name));
    return sent;
  };

  const wait = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

  async function post(address, body) {
    const answer = await fetch(address, { method: "POST", body, redirect: "manual" });
    // The session ended: the page asks to sign in.
    if (answer.type === "opaqueredirect") throw new Error("Sign in again, then upload the file.");
    const type = answer.headers.get("Content-Type") || "";
    const said = type.includes("json") ? await answer.json() : { error: await answer.text() };
    return { ...said, status: answer.status };
  }

  async function sendPart(address, file, offset) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const sent = fields(["csrfmiddlewaretoken"]);
        sent.append("offset", String(offset));
        sent.append("part", file.slice(offset, offset + PART), "part");
        const said = await post(address, sent);
        // Another part may be wanted next: the answer to an earlier one was lost.
        if (said.storedBytes !== undefined && said.storedBytes !== offset) return said.storedBytes;
        if (said.status < 500) throw new Error(said.error);
      } catch (error) {
        if (attempt === ATTEMPTS || !(error instanceof TypeError)) throw error;
      }
      if (attempt === ATTEMPTS) throw new Error("The server does not take the file now. Try again later.");
      await wait(1000 * attempt);
    }
  }

  async function send(file) {
    const opened = fields(["csrfmiddlewaretoken", "kind", "workspace"]);
    opened.append("name", file.name);
    opened.append("size", String(file.size));
    const run = await post(form.action, opened);
    if (!run.part) throw new Error(run.error);
    const bar = state.querySelector("progress");
    for (let offset = 0; offset < file.size;) {
      offset = await sendPart(run.part, file, offset);
      bar.value = offset / file.size;
      state.querySelector("output").textContent = `${Math.floor(100 * bar.value)} %`;
    }
    location.assign(run.next);
  }

  form.addEventListener("submit", (event) => {
    const file = form.elements.namedItem("file").files[0];
    if (!file) return;
    event.preventDefault();
    fault.hidden = true;
    state.hidden = false;
    button.disabled = true;
    send(file).catch((error) => {
      fault.textContent = error.message;
      fault.hidden = false;
      state.hidden = true;
      button.disabled = false;
    });
  });
})();
