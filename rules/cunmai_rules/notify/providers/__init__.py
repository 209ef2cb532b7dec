"""SMS providers: for each, one pure function that makes the request, and one that reads the answer.

None of them reaches the network: `notify.sender` does, for all of them, with one deadline for each request.
"""
