// The room server on Node and socket.io: `join` with a room's name enters it and acks, `pub` with an object `{room, ...}`
// goes to that room as `msg`. Written as its documentation shows it, with nothing tuned.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server, { transports: ['websocket'], serveClient: false });

io.on('connection', (socket) => {
	socket.on('join', (room, ack) => {
		socket.join(room);
		ack?.();
	});
	socket.on('pub', (event) => io.to(event.room).emit('msg', event));
});

const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
server.listen(port, '127.0.0.1', 4096);
process.on('SIGTERM', () => process.exit(0));
