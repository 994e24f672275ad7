// Send stock events from Node 18 or newer, without any package.
//   URL=http://127.0.0.1:8420 KEY=stk_... node send_with_node.mjs
const { URL: url, KEY: key } = process.env;

// Sends a batch until the server has told the outcome of each event. The ids stay the same, so sending again is safe.
async function send(events) {
  for (let failures = 0; ; failures += 1) {
    let wait = Math.min(60, 0.5 * 2 ** failures) * (0.5 + Math.random() / 2);
    try {
      const answer = await fetch(`${url}/v1/events`, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${key}`,
          "Content-Type": "application/cloudevents-batch+json",
        },
        body: JSON.stringify(events),
        signal: AbortSignal.timeout(30_000),
      });
      if (answer.ok) return (await answer.json()).outcomes;
      if (answer.status !== 429 && answer.status < 500) {
        throw new Error(`refused for good: ${answer.status} ${await answer.text()}`);
      }
      wait = Math.max(wait, Number(answer.headers.get("retry-after")) || 0);
    } catch (error) {
      if (error.message.startsWith("refused for good")) throw error;
      console.error(`not delivered yet: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
}

const sale = (id, quantity) => ({
  specversion: "1.0",
  id,
  source: "/web/shop",
  type: "stocktide.sale",
  time: "2026-03-01T12:00:00Z",
  // decimals as text: a number of JavaScript is binary
  data: { product: "A", location: "S1", quantity, price: "1.99", currency: "EUR", channel: "web" },
});

const outcomes = await send([sale("web-1001-1", "1.5"), sale("web-1001-2", "1"), sale("web-1001-3", "-1")]);
for (const { id, outcome, reason, message } of outcomes) {
  console.log(id, outcome, reason ?? "", message ?? "");
}
