"""Sans-I/O codecs: bytes in, values out; nothing here knows a socket or a clock."""
