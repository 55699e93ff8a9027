"""What other systems say, read: bytes in, plain values out. Nothing here knows the books or a clock.

told        the values: who it is about, steps of a contract, events, requests
fields      tolerant reading of JSON that strangers wrote
signatures  who may speak: HMAC over the raw body
stripe, shopify, plain   one file a shape: read(body, ...) -> Heard, for any bytes whatever
"""
