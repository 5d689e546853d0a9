"""Capture files out of Batches: pcap, pcapng, and sets of them that rotate."""
