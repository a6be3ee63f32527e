/**
 * Fetches on demand, one at a time: asked while it runs, it runs once more afterwards, however often it was asked.
 */
export function fetchAgain(run: () => Promise<void>): () => Promise<void> {
	let running: Promise<void> | null = null;
	let wanted = false;
	const loop = async () => {
		try {
			while (wanted) {
				wanted = false;
				await run();
			}
		} finally {
			running = null;
		}
	};
	return () => {
		wanted = true;
		running ??= Promise.resolve().then(loop);
		return running;
	};
}
