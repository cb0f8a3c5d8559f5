"""The whole stack on one machine: certificates, ports, processes, the demo story, replay."""
