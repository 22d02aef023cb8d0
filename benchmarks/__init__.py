"""What dnsguard costs, beside other servers on the same machine; `make bench` runs it all."""
