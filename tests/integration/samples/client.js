// What a JavaScript user does. BASE is http://host:port/api/v1; prints one JSON answer a line.
const base = process.env.BASE;

async function sendMessage(conversationId, userId, content, priority = "normal") {
  const response = await fetch(`${base}/messages`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      conversation_id: conversationId,
      user_id: userId,
      content,
      priority,
    }),
  });
  return response.json();
}

async function getMessage(id) {
  const response = await fetch(`${base}/messages/${id}`);
  return response.json();
}

async function main() {
  const sent = await sendMessage("conv_123", "user_456", "Hello World", "high");
  console.log(JSON.stringify(sent));
  console.log(JSON.stringify(await getMessage(sent.data.id)));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
