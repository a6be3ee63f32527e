// The plain server that Tidings is measured against: every socket in one room, and what one of them sends goes to all.
// Same path, same ping times and same payloads as Tidings; no database, no rights, no numbers.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server, {
	path: '/ws/socket.io',
	transports: ['websocket'],
	pingInterval: 25_000,
	pingTimeout: 20_000,
	serveClient: false,
});

io.on('connection', (socket) => {
	socket.join('channel:bench');
	socket.on('events:channel', (event) => {
		const user = { id: '0198a7c2-5d5e-7a6b-9c1d-2e3f4a5b6c7d', name: 'Person 0', role: 'user' };
		io.to('channel:bench').emit('events:channel', { ...event, user });
	});
});

const port = Number(process.env.PORT ?? 0);
server.listen(port, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
