from http.client import HTTPSConnection

class VCRHTTPSConnection:
    _baseclass: type[HTTPSConnection]
