// Opens recordings in the network panel of Chromium, and compares what it shows with what the files hold.
//
//     node --experimental-websocket tests/interop/panel.mjs FILE.har…
//
// Run by hand, not by tests/interop/run: the modules of DevTools are no interface, and Debian's Chromium moves.

import assert from "node:assert";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// What the button "Import HAR file" does, and what the panel then has of each request.
const IMPORT = `(async () => {
  const { NetworkPanel } = await import("./panels/network/network.js");
  const { ViewManager } = (await import("./ui/legacy/legacy.js")).ViewManager;
  const { NetworkLog } = (await import("./models/logs/logs.js")).NetworkLog;
  await ViewManager.instance().showView("network");
  const view = NetworkPanel.NetworkPanel.instance().networkLogView;
  await view.onLoadFromFile(new File([window.har], "recording.har", { type: "application/json" }));
  const shown = [];
  for (const request of NetworkLog.instance().requests()) {
    const content = await request.requestContentData();
    shown.push({
      url: request.url(),
      method: request.requestMethod,
      status: request.statusCode,
      sent: (await request.requestFormData()) ?? "",
      received: content.text ?? "",
      milliseconds: request.duration * 1000,
    });
  }
  return shown;
})()`;

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function answered(url, options) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      return await (await fetch(url, options)).json();
    } catch {
      await sleep(200);
    }
  }
  throw new Error(`nothing answers at ${url}`);
}

/** What the panel makes of a recording. */
async function panel(port, text) {
  const page = "devtools://devtools/bundled/devtools_app.html?panel=network";
  const target = await answered(`http://127.0.0.1:${port}/json/new?${page}`, { method: "PUT" });
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((open) => (socket.onopen = open));
  let number = 0;
  const evaluate = (expression) => {
    const id = (number += 1);
    const params = { expression, awaitPromise: true, returnByValue: true };
    socket.send(JSON.stringify({ id, method: "Runtime.evaluate", params }));
    return new Promise((done) => {
      socket.onmessage = (message) => {
        const { id: of, result } = JSON.parse(message.data);
        if (of === id) done(result.exceptionDetails ?? result.result.value);
      };
    });
  };
  // The front end has to come up first.
  await sleep(4000);
  await evaluate(`window.har = ${JSON.stringify(text)}; 0`);
  const shown = await evaluate(IMPORT);
  socket.close();
  return shown;
}

const profile = mkdtempSync(join(tmpdir(), "hvr-panel-"));
const port = 20000 + (process.pid % 20000);
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-allow-origins=*", "about:blank"];
const own = [`--remote-debugging-port=${port}`, `--user-data-dir=${profile}`];
const browser = spawn("chromium", [...own, ...flags], { stdio: "ignore" });
try {
  const { Browser } = await answered(`http://127.0.0.1:${port}/json/version`);
  for (const file of process.argv.slice(2)) {
    const text = readFileSync(file, "utf8");
    const { entries } = JSON.parse(text).log;
    const shown = await panel(port, text);
    const due = entries.map(({ request, response }) => ({
      url: request.url,
      method: request.method,
      status: response.status,
      sent: request.postData?.text ?? "",
      received: response.content.text ?? "",
    }));
    assert.deepStrictEqual(shown.map(({ milliseconds, ...rest }) => rest), due, file);
    assert(shown.every(({ milliseconds }, at) => Math.abs(milliseconds - entries[at].time) < 1 || entries[at].time < 0));
    console.log(`${Browser} shows all ${due.length} requests of ${file}`);
  }
} finally {
  browser.kill();
  await sleep(500);
  rmSync(profile, { recursive: true, force: true });
}
