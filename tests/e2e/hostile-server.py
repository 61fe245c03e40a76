#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that a fetch must survive.

hostile-server.py https TLS-FOLDER REPOSITORY OTHER-URL LOG   prints its port; the first step of the
    path says what is wrong with it
hostile-server.py proxy SOCKET LOG                            a CONNECT proxy on a unix socket, or,
    where SOCKET is "tcp", on a port of loopback, which it prints
"""
import hashlib
import http.server
import itertools
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import zlib

ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
RESULT = "application/x-git-upload-pack-result"


def pkt(data):
    return b"%04x" % (len(data) + 4) + data


def object_header(kind, size):
    byte = kind << 4 | size & 15
    size >>= 4
    out = b""
    while size:
        out += bytes([byte | 128])
        byte = size & 127
        size >>= 7
    return out + bytes([byte])


def pack(objects, count=None):
    body = b"PACK" + struct.pack(">II", 2, len(objects) if count is None else count)
    for kind, data, size in objects:
        body += object_header(kind, len(data) if size is None else size) + zlib.compress(data)
    return body + hashlib.sha1(body).digest()


def git(repository, *args, stdin=None):
    return subprocess.run(["git", "-C", repository, *args], input=stdin, check=True,
                          stdout=subprocess.PIPE).stdout


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, code, body, kind="text/plain", **headers):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def noise():
        while True:
            data = os.urandom(1 << 16)
            yield object_header(3, len(data)) + zlib.compress(data, 0)

    def endless(self, kind, first, chunks):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(first)
        try:
            for chunk in chunks:
                self.wfile.write(chunk)
        except OSError:
            pass

    def mode(self):
        return self.path.split("/")[1]

    def handle_any(self):
        mode = self.mode()
        with open(self.server.log, "a") as log:
            print(mode, self.command, "authorization" if self.headers["Authorization"] else "-",
                  file=log)
        if mode == "redirect":
            self.reply(302, b"", Location=self.server.other + self.path[len("/redirect"):])
        elif mode == "same-redirect":
            self.reply(301, b"", Location="/plain" + self.path[len("/same-redirect"):])
        elif mode == "downgrade":
            self.reply(302, b"", Location="http://%s/plain%s" % (
                self.headers["Host"], self.path[len("/downgrade"):]))
        elif mode == "other-name":
            self.reply(302, b"", Location="https://127.0.0.1:%d/plain%s" % (
                self.server.server_port, self.path[len("/other-name"):]))
        elif mode == "late-redirect" and self.command == "POST":
            self.reply(307, b"", Location=self.server.other + "/plain.git/git-upload-pack")
        elif mode == "error":
            self.reply(500, b"no")
        elif mode == "html":
            self.reply(200, b"<html>welcome</html>", kind="text/html")
        elif mode == "auth":
            self.reply(401, b"", WWW_Authenticate='Basic realm="x"')
        elif mode == "stall":
            time.sleep(600)
        else:
            return False
        return True

    def do_GET(self):
        if self.handle_any():
            return
        mode, tip = self.mode(), self.server.tip
        if mode == "endless-refs":
            line = pkt(tip + b" refs/heads/" + b"x" * 1000 + b"\n")
            self.endless(ADVERTISEMENT, pkt(b"# service=git-upload-pack\n") + b"0000",
                         itertools.repeat(line * 64))
            return
        if mode == "garbage":
            self.reply(200, os.urandom(4096), kind=ADVERTISEMENT)
            return
        if mode == "sha256":
            tip = b"ab" * 32
        if mode == "lying":
            tip = b"12" * 20
        caps = b"object-format=sha256" if mode == "sha256" else b"ofs-delta"
        body = pkt(b"# service=git-upload-pack\n") + b"0000"
        body += pkt(tip + b" HEAD\0" + caps + b"\n") + pkt(tip + b" refs/heads/main\n") + b"0000"
        self.reply(200, body, kind=ADVERTISEMENT)

    def pack_of(self, mode):
        blob = b"another object than the one that is wanted"
        real = self.server.pack
        if mode == "flipped":
            return real[:len(real) // 2] + bytes([real[len(real) // 2] ^ 1]) + \
                real[len(real) // 2 + 1:]
        if mode == "truncated":
            return real[:len(real) // 2]
        if mode == "many-objects":
            return pack([(3, blob, None)], count=0xffffffff)
        if mode == "large-object":
            return pack([(3, bytes(64 << 20), None)])
        if mode == "huge-declared":
            return pack([(3, blob, 1 << 40)])
        if mode == "delta-bomb":
            base = hashlib.sha1(b"blob %d\0" % len(blob) + blob).digest()
            delta = varint(len(blob)) + varint(1 << 40) + bytes([0x90, len(blob)])
            body = b"PACK" + struct.pack(">II", 2, 2)
            body += object_header(3, len(blob)) + zlib.compress(blob)
            body += object_header(7, len(delta)) + base + zlib.compress(delta)
            return body + hashlib.sha1(body).digest()
        if mode == "plain":
            return real
        return pack([(3, blob, None)])

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.handle_any():
            return
        mode = self.mode()
        if mode == "endless-pack":
            head = pkt(b"NAK\n") + b"PACK" + struct.pack(">II", 2, 3000000)
            self.endless(RESULT, head, self.noise())
            return
        self.reply(200, pkt(b"NAK\n") + self.pack_of(mode), kind=RESULT)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass

    def finish_request(self, request, client_address):
        try:
            request.settimeout(600)
            tls = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            return
        self.RequestHandlerClass(tls, client_address, self)


def serve_https(tls, repository, other, log):
    server = Server(("127.0.0.1", 0), Handler)
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(tls + "/cert.pem", tls + "/key.pem")
    server.other = other
    server.log = log
    server.tip = git(repository, "rev-parse", "main").strip()
    server.pack = git(repository, "pack-objects", "--stdout", "--revs", stdin=b"main\n")
    print(server.server_port, flush=True)
    server.serve_forever()


def pump(source, sink):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve_one(client, log):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        data = client.recv(4096)
        if not data:
            return
        head += data
    line = head.split(b"\r\n")[0].decode()
    with open(log, "a") as f:
        print(line, file=f)
    host, port = line.split(" ")[1].rsplit(":", 1)
    try:
        upstream = socket.create_connection((host, int(port)))
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        client.close()
        return
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
    pump(upstream, client)
    client.close()


def serve_proxy(path, log):
    listener = socket.socket(socket.AF_INET if path == "tcp" else socket.AF_UNIX)
    listener.bind(("127.0.0.1", 0) if path == "tcp" else path)
    listener.listen(16)
    print(listener.getsockname()[1] if path == "tcp" else "ready", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve_one, args=(client, log), daemon=True).start()


if sys.argv[1] == "https":
    serve_https(*sys.argv[2:6])
else:
    serve_proxy(*sys.argv[2:4])
