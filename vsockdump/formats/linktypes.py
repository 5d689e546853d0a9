"""Link types by name, as libpcap calls those that this program or its users may meet."""

_NAMES = {
    0: "NULL (BSD loopback)",
    1: "EN10MB (Ethernet)",
    101: "RAW (Raw IP)",
    105: "IEEE802_11 (802.11)",
    113: "LINUX_SLL (Linux cooked v1)",
    127: "IEEE802_11_RADIO (802.11 plus radiotap header)",
    253: "NETLINK (Linux netlink)",
    271: "VSOCK (Linux vsock)",
    276: "LINUX_SLL2 (Linux cooked v2)",
}


def describe(linktype: int) -> str:
    """Return a link type's name and, behind it, what it is; the number of an unknown one."""
    return _NAMES.get(linktype, str(linktype))
