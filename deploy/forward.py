#!/usr/bin/env python3
"""Forwards TCP connections from the first port to the first of the others that takes one: what a balancer in front of panels does.

TLS goes through untouched. A panel that stands by takes no connection, so nothing has to ask it how it is.
"""

import asyncio
import sys


async def pump(reader, writer):
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(own, others):
    async def join(reader, writer):
        for port in others:
            try:
                there = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
            return
        writer.close()

    server = await asyncio.start_server(join, "127.0.0.1", own)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    ports = [int(port) for port in sys.argv[1:]]
    asyncio.run(main(ports[0], ports[1:]))
