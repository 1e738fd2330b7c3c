// SPDX-License-Identifier: Apache-2.0
// The API's own SDK, as a program would use it: node sdk.mjs PACKAGES-DIR SCENARIO TEXT; prints what it got as JSON.
import { createRequire } from "node:module";

const [dir, scenario, text] = process.argv.slice(2);
const Anthropic = createRequire(dir + "/")("@anthropic-ai/sdk").default;
const client = new Anthropic({ apiKey: "none", maxRetries: 0, timeout: 30000 });
const tools = [{ name: "describe", description: "describe ids",
	input_schema: { type: "object", properties: { ids: { type: "array" } } } }];
const base = { model: "claude-test", max_tokens: 512 };
const user = (content) => ({ role: "user", content });
const print = (what) => console.log(JSON.stringify(what));

async function streamed(body, options) {
	const stream = client.messages.stream(body, options);
	const events = [];
	stream.on("text", (delta) => events.push(delta));
	const message = await stream.finalMessage();
	return { content: message.content, stop: message.stop_reason, text: events.join("") };
}

const scenarios = {
	async stream() {
		print(await streamed({ ...base, messages: [user(text)] }, { headers: { "x-scenario": "echo delta=3" } }));
	},
	async whole() {
		const message = await client.messages.create({ ...base, messages: [user(text)] });
		print({ content: message.content, stop: message.stop_reason });
	},
	async tool() {
		const messages = [user(`${text} [[tool delta=2]]`)];
		const first = await streamed({ ...base, tools, messages });
		const call = first.content.find((block) => block.type === "tool_use");
		messages.push({ role: "assistant", content: first.content });
		messages.push(user([{ type: "tool_result", tool_use_id: call.id, content: JSON.stringify(call.input) }]));
		print([first, await streamed({ ...base, tools, messages })]);
	},
	async count() {
		const counted = await client.messages.countTokens({ model: base.model, messages: [user(text)] });
		print({ counted: counted.input_tokens > 0 });
	},
	async errors() {
		const seen = [];
		for (const status of [400, 401, 403, 404, 429, 500, 529]) {
			try {
				await client.messages.create({ ...base, messages: [user(text)] },
					{ headers: { "x-scenario": `error status=${status}` } });
				seen.push("no error");
			} catch (e) {
				seen.push({ name: e.constructor.name, status: e.status, message: e.message, error: e.error });
			}
		}
		print(seen);
	},
	async late() {
		try {
			await streamed({ ...base, messages: [user(text)] }, { headers: { "x-scenario": "late" } });
			print("no error");
		} catch (e) {
			print({ name: e.constructor.name, message: e.message });
		}
	},
	async parallel() {
		const asked = Array.from({ length: 20 }, (_, n) => streamed({ ...base, messages: [user(`${n}: ${text}`)] }));
		print(await Promise.all(asked));
	},
};
await scenarios[scenario]();
