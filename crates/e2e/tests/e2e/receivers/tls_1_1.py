"""usage: tls_1_1.py CERTIFICATE — an HTTPS receiver on 127.0.0.1 that speaks TLS 1.1 and nothing newer.

The first line it prints is its port, once it has greeted a client that speaks TLS 1.1; after it, a line for each
connection: accepted, or refused and why.
"""

import socket
import ssl
import sys
import threading
import warnings

warnings.simplefilter("ignore", DeprecationWarning)


def only_1_1(side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    # Systems of today allow that version at the lowest level of security only.
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


server = only_1_1(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]


def accept() -> str:
    connection, _ = listener.accept()
    connection.settimeout(10)
    try:
        with server.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)
            return f"accepted {tls.version()}"
    except OSError as error:
        return f"refused {error}"


client = only_1_1(ssl.PROTOCOL_TLS_CLIENT)
client.verify_mode = ssl.CERT_NONE
greeted = []
own = threading.Thread(target=lambda: greeted.append(accept()))
own.start()
with client.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10)) as tls:
    tls.send(b"x")
own.join()
if greeted != ["accepted TLSv1.1"]:
    sys.exit(f"this system does not speak TLS 1.1: {greeted}")
print(port, flush=True)
while True:
    print(accept(), flush=True)
