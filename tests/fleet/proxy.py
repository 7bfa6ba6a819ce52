"""A proxy before a server's Unix socket, which cuts connections at random bytes."""

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
