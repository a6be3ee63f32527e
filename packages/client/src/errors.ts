/**
 * What can go wrong with a call: the server said no (`ApiError`), or it could not be reached (`Unreachable`).
 */

/** An answer with an error status. `code` is stable; `message` is the server's `detail` as a sentence for people. */
export class ApiError extends Error {
	override name = 'ApiError';
	constructor(
		readonly status: number,
		readonly code: string,
		readonly detail: string,
		/** Seconds to wait before trying again, if the server said so. */
		readonly retryAfter: number | null = null,
	) {
		super(asSentence(detail));
	}
}

/** No answer at all: offline, server restarting, or the request was cut. Nothing is known about its effect. */
export class Unreachable extends Error {
	override name = 'Unreachable';
	constructor(cause: unknown) {
		super('The server could not be reached.', { cause });
	}
}

/** Servers write details in lower case and without a full stop; people read sentences. */
function asSentence(detail: string): string {
	const text = detail.charAt(0).toLocaleUpperCase() + detail.slice(1);
	return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Turns the body of a failed answer into an `ApiError`, whatever its shape. */
export function apiError(status: number, body: unknown, retryAfter: string | null = null): ApiError {
	const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
	const code = typeof fields.code === 'string' ? fields.code : `http_${status}`;
	const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
	return new ApiError(status, code, sentence(fields.detail, status), Number.isFinite(seconds) ? seconds : null);
}

function sentence(detail: unknown, status: number): string {
	if (typeof detail === 'string' && detail !== '') return detail;
	if (Array.isArray(detail)) {
		const parts = detail.map((one: { loc?: unknown[]; msg?: unknown }) => {
			const field = Array.isArray(one?.loc) ? one.loc.at(-1) : undefined;
			return field === undefined ? String(one?.msg) : `${String(field)}: ${String(one?.msg)}`;
		});
		if (parts.length > 0) return parts.join('; ');
	}
	return `The server answered with status ${status}.`;
}
