"""Proxies before a server's Unix socket: one cuts connections at random bytes, one holds back what commits."""

import os
import random
import select
import socket
import threading

SOCKET = ".s.PGSQL.5432"


class Proxy:
    """is_wild: a connection is cut after a random number of bytes, in either direction."""

    def __init__(self, place, server, seed):
        self.server, self.pick = server, random.Random(seed)
        self.place = place
        self.is_wild = False
        self.cuts = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(place, SOCKET))
        self.listener.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            budget = int(self.pick.expovariate(1 / self.pick.choice([300, 3000, 30000, 300000])))
            threading.Thread(target=self.carry, args=(client, budget), daemon=True).start()

    def carry(self, client, budget):
        behind = socket.socket(socket.AF_UNIX)
        try:
            behind.connect(os.path.join(self.server, SOCKET))
            self.pump(client, behind, budget)
        except OSError:
            pass
        finally:
            client.close()
            behind.close()

    def pump(self, client, behind, budget):
        ends = {client: behind, behind: client}
        while True:
            for end in select.select([client, behind], [], [])[0]:
                data = end.recv(65536)
                if self.is_wild and len(data) > budget:
                    self.cuts += 1
                    ends[end].sendall(data[:budget])
                    return
                if not data:
                    return
                budget -= len(data)
                ends[end].sendall(data)

    def uri(self, database, role):
        return f"postgresql://{role}@/{database}?host={self.place}"


SYNC, FLUSH = b"S\0\0\0\4", b"H\0\0\0\4"


class Late(Proxy):
    """Of one call of a prepared statement with `text` in it, what commits never arrives: the server says that it is
    done, as it does before the commit, and then meanwhile() happens."""

    def __init__(self, place, server, text, meanwhile):
        super().__init__(place, server, 0)
        self.text, self.meanwhile = text, meanwhile
        self.skips = 0  # so many calls are carried whole before that

    def pump(self, client, behind, budget):
        ends, name, is_call, is_late = {client: behind, behind: client}, None, False, False
        while True:
            for end in select.select([client, behind], [], [])[0]:
                data = end.recv(1 << 20)
                if not data:
                    return
                if end is client:
                    if data[:1] == b"P" and self.text in data:
                        name = data[5:data.index(b"\0", 5) + 1]
                    is_call = is_call or bool(name) and data[:1] == b"B" and data[6:].startswith(name)
                    if is_call and data.endswith(SYNC):
                        is_call, is_late = False, self.skips == 0
                        self.skips -= 1
                        data = data[:-len(SYNC)] + (FLUSH if is_late else SYNC)
                ends[end].sendall(data)
                if end is behind and is_late:
                    is_late = False
                    self.cuts += 1
                    self.meanwhile()
