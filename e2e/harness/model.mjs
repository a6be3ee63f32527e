/**
 * A model behind OpenAI's interface that says what the test tells it, when the test tells it: one answer at a time.
 */
import { createServer } from 'node:http';

export class Model {
	#server;
	#answer;
	#wasAsked = () => {};
	/** Resolves when it was asked. */
	asked = this.#nextQuestion();

	/** Listens on a free port. Give `environment` to the server. */
	static async start() {
		const model = new Model();
		model.#server = createServer((request, response) => model.#serve(request, response));
		await new Promise((resolve) => model.#server.listen(0, '127.0.0.1', resolve));
		// Who fails before stopping it must not wait for it forever.
		model.#server.unref();
		const url = `http://127.0.0.1:${model.#server.address().port}/v1`;
		model.environment = { OPENAI_API_BASE_URL: url };
		return model;
	}

	#serve(request, response) {
		if (request.url.endsWith('/models')) {
			response.setHeader('content-type', 'application/json');
			response.end(JSON.stringify({ object: 'list', data: [{ id: 'demo', object: 'model' }] }));
			return;
		}
		request.resume();
		response.writeHead(200, { 'content-type': 'text/event-stream' });
		response.flushHeaders();
		this.#answer = response;
		this.#wasAsked();
	}

	#nextQuestion() {
		return new Promise((resolve) => (this.#wasAsked = resolve));
	}

	say(content) {
		this.#write({ delta: { content }, finish_reason: null });
	}

	/** The answer is complete; the next question may come. */
	end() {
		this.#write({ delta: {}, finish_reason: 'stop' });
		this.#answer.end('data: [DONE]\n\n');
		this.asked = this.#nextQuestion();
	}

	#write(choice) {
		const chunk = { id: 'c', object: 'chat.completion.chunk', model: 'demo', choices: [{ index: 0, ...choice }] };
		this.#answer.write(`data: ${JSON.stringify(chunk)}\n\n`);
	}

	stop() {
		this.#server.closeAllConnections();
		return new Promise((resolve) => this.#server.close(resolve));
	}
}
