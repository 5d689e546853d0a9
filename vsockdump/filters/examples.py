"""Expressions with what each is good for: the manual shows them, and a test runs them all."""

from typing import NamedTuple


class Example(NamedTuple):
    """One expression and a sentence on it."""

    expression: str
    text: str


EXAMPLES = (
    Example("cid 3", "all that guest 3 sends or is sent"),
    Example("cid 3 and port 1024", "of it, one service; either side may have the port"),
    Example("cid 3 and port 1024 and op rw", "of that, the packets that carry data"),
    Example("src cid 3", "what guest 3 sends"),
    Example("src host and dst port 1024|1025", "what the host sends to one of two ports"),
    Example("port 1024-1030", "any of seven ports"),
    Example("cid in {3, 5-9}", "some guests"),
    Example("not port 22", "everything but one port, and also what has no ports"),
    Example("123:19999", "one end of a connection"),
    Example("src 123:*", "what CID 123 sends from any port"),
    Example("pair 123:19999 2:9999", "one connection, both ways"),
    Example("host:9999 or *:5001", "two services, one of them wherever it runs"),
    Example("op request|response|rst", "who connects to whom, and with what result"),
    Example("op request and dst port 5002", "attempts to connect to one port"),
    Example("op rst and buf_alloc 0", "connections that were refused: such an RST has no buffer"),
    Example("seqpacket and flags eom", "the last packet of each message"),
    Example("shutdown send and not shutdown rcv", "half closes: the other side may still send"),
    Example("g2h and op rw", "data from guests to their host"),
    Example("loopback", "what stays on this machine"),
    Example("len > 0", "packets with payload"),
    Example("len 100-4096", "packets with so much payload"),
    Example("greater 1000", "frames of 1000 bytes and more, headers included"),
    Example("buf_alloc < 4096", "small receive buffers"),
    Example("fwd_cnt == 0 and op credit_update", "credit updates before anything was read"),
    Example("vsock.src_cid == 123 && vsock.virtio.op == 5", "the same in Wireshark's words"),
    Example("vsock.virtio.type in {1, 2} && !(vsock.src_port < 1024)", "known types, high ports"),
    Example("transport != virtio", "packets of which only the monitor's header is understood"),
    Example("vsock and not virtio", "packets without a whole virtio header"),
    Example("link[20:4] = 0x0f270000", "bytes of the frame, as tcpdump is given them: port 9999"),
    Example("link[64] & 3 == 3", "both bits of the first byte of the flags"),
    Example("src_port == dst_port + 10000", "two fields of one packet compared"),
    Example("virtio_src_port != src_port", "packets whose headers contradict each other"),
    Example('data[0:4] = "GET "', "what the payload begins with"),
    Example("data[0:2] = 48:65", "the same in hex: `He`"),
    Example('payload contains "world"', "text anywhere in the payload"),
    Example("payload matches /(?i)hello, *w/", "a regular expression, in any case"),
    Example('notes contains "malformed"', "packets of which something is wrong in the bytes"),
    Example("flow 1", "the connection with that number in `vsockdump flows`"),
    Example("verdict rej|s0", "connections that were never opened"),
    Example("problem and op request", "the first packet of each connection with a problem"),
    Example("stalled", "packets that leave nothing to send by, and those that end that"),
    Example("free < 65536 and op rw", "data that leaves less than 65536 bytes of credit"),
    Example("event stall|reset", "packets at which one of these two events was found"),
    Example("process python3 or process matches /^ssh/", "connections of some processes"),
    Example("pid 812", "connections of one process"),
    Example("number 100-200", "packets by their number in the capture"),
)
