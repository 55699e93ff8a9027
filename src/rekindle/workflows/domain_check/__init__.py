"""Whether the world will believe that a mail is ours, and whether we hear of it when it does not arrive.

names    asks the name servers, and nothing else
records  what stands in the domain: SPF, DKIM, DMARC, and where bounces and answers arrive
look     all questions together, those about the server, the clock and the sent log too
"""
