/** Whose a token is, as far as it says so itself: the server's sessions are JWTs with an `id`; API keys say nothing. */
export function personOf(token: string | null): string | null {
	const [, payload, signature] = token?.split('.') ?? [];
	if (payload === undefined || signature === undefined) return null;
	try {
		const text = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
		const { id } = JSON.parse(text) as { id?: unknown };
		return typeof id === 'string' ? id : null;
	} catch {
		return null;
	}
}
