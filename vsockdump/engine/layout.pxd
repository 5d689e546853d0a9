# Every binary layout the engine reads, as packed C structs. The dissectors spell the first two out
# for Python; a property test holds the two to each other over arbitrary bytes.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "<endian.h>" nogil:
    uint16_t le16toh(uint16_t)
    uint32_t le32toh(uint32_t)
    uint64_t le64toh(uint64_t)
    uint16_t be16toh(uint16_t)
    uint32_t be32toh(uint32_t)

cdef extern from "<byteswap.h>" nogil:
    uint16_t bswap_16(uint16_t)
    uint32_t bswap_32(uint32_t)

# include/uapi/linux/vsockmon.h, little-endian
cdef packed struct af_vsockmon_hdr:
    uint64_t src_cid
    uint64_t dst_cid
    uint32_t src_port
    uint32_t dst_port
    uint16_t op
    uint16_t transport
    uint16_t len
    uint16_t reserved

# include/uapi/linux/virtio_vsock.h, little-endian
cdef packed struct virtio_vsock_hdr:
    uint64_t src_cid
    uint64_t dst_cid
    uint32_t src_port
    uint32_t dst_port
    uint32_t len
    uint16_t type
    uint16_t op
    uint32_t flags
    uint32_t buf_alloc
    uint32_t fwd_cnt

# LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2, big-endian
cdef packed struct sll_header:
    uint16_t packet_type
    uint16_t hatype
    uint16_t address_len
    uint8_t address[8]
    uint16_t protocol

cdef packed struct sll2_header:
    uint16_t protocol
    uint16_t reserved
    uint32_t ifindex
    uint16_t hatype
    uint8_t packet_type
    uint8_t address_len
    uint8_t address[8]

# A record of a pcap file, in the file's byte order
cdef packed struct pcap_record:
    uint32_t seconds
    uint32_t fraction
    uint32_t captured
    uint32_t wire

# The pcapng blocks that hold packets (draft-ietf-opsawg-pcapng, 4.3, 4.4 and appendix A), in the
# section's byte order; the frame follows, then padding, options and the length once more.
cdef packed struct enhanced_block:
    uint32_t type
    uint32_t length
    uint32_t interface
    uint32_t time_high
    uint32_t time_low
    uint32_t captured
    uint32_t wire

cdef packed struct simple_block:
    uint32_t type
    uint32_t length
    uint32_t wire

cdef packed struct obsolete_block:
    uint32_t type
    uint32_t length
    uint16_t interface
    uint16_t drops
    uint32_t time_high
    uint32_t time_low
    uint32_t captured
    uint32_t wire

# What stands before an option's value; code and length are 0 at the end of all (3.5)
cdef packed struct option:
    uint16_t code
    uint16_t length

# A block of a TPACKET_V3 ring and the packets in it (include/uapi/linux/if_packet.h), host order
cdef packed struct tpacket_block:
    uint32_t version
    uint32_t offset_to_priv
    uint32_t status
    uint32_t packets
    uint32_t first
    uint32_t length

cdef packed struct tpacket3_hdr:
    uint32_t next_offset
    uint32_t seconds
    uint32_t nanoseconds
    uint32_t captured
    uint32_t wire
    uint32_t status
    uint16_t mac
    uint16_t net
