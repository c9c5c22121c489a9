#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client of the Kubernetes Container Runtime Interface, v1, as cri.suite needs it. Messages are
written and read by a table of the fields that it uses; numbers and types are those of the API's
api.proto.

    cri.py call METHOD [FIELD=VALUE...]         the response as JSON
    cri.py get PATH METHOD [FIELD=VALUE...]     one value of it
    cri.py pod NAME [FIELD=VALUE...]            run a sandbox in the host's network; its ID
    cri.py create POD NAME [FIELD=VALUE...] [-- COMMAND...]   its ID
    cri.py start POD NAME [FIELD=VALUE...] [-- COMMAND...]    create and start; its ID
    cri.py run POD NAME [FIELD=VALUE...] [-- COMMAND...]      to its end: outputs and exit code
    cri.py exec [-t SECONDS] CONTAINER COMMAND...             outputs and exit code
    cri.py stream [-s ROWSxCOLUMNS] [-T] CONTAINER COMMAND...   exec with streams, -T: a terminal
    cri.py attach [-s ROWSxCOLUMNS] [-T] CONTAINER
    cri.py stop [-t SECONDS] CONTAINER...
    cri.py rm CONTAINER...                      by force
    cri.py rmp POD...                           by force
    cri.py log CONTAINER [STREAM]               what it wrote to a stream, out of its log

A FIELD is a path of names (of the PodSandboxConfig or ContainerConfig for pod, create, start and
run); res., sec. and ns. stand for linux.resources., linux.security_context. and that one's
namespace_options. A VALUE is JSON, or else a string. Errors of the service end with 125.

    cri.py serve SOCKET                         run these for cri-ask, which starts sooner

CRI_SOCKET names the service's socket, CRI_STATE a folder for logs and what was asked of pods,
CRI_HANDLER the runtime handler, CRI_IMAGE the image, CRI_CGROUP the parent of pods' cgroups.
"""

import array
import json
import os
import socket
import sys
import threading
import time

import channels
import grpc

# NAME FIELD:NUMBER:TYPE...; a type is str, bytes, int, bool, map (of strings) or a message; an
# enumeration is int here; * is repeated.
MESSAGES = """
VersionRequest version:1:str
VersionResponse version:1:str runtime_name:2:str runtime_version:3:str runtime_api_version:4:str
DNSConfig servers:1:*str searches:2:*str options:3:*str
PortMapping protocol:1:int container_port:2:int host_port:3:int host_ip:4:str
Mount container_path:1:str host_path:2:str readonly:3:bool selinux_relabel:4:bool propagation:5:int
NamespaceOption network:1:int pid:2:int ipc:3:int target_id:4:str
Int64Value value:1:int
SELinuxOption user:1:str role:2:str type:3:str level:4:str
SecurityProfile profile_type:1:int localhost_ref:2:str
LinuxSandboxSecurityContext namespace_options:1:NamespaceOption selinux_options:2:SELinuxOption
    run_as_user:3:Int64Value run_as_group:8:Int64Value readonly_rootfs:4:bool
    supplemental_groups:5:*int privileged:6:bool seccomp:9:SecurityProfile
    apparmor:10:SecurityProfile
LinuxPodSandboxConfig cgroup_parent:1:str security_context:2:LinuxSandboxSecurityContext
    sysctls:3:map
PodSandboxMetadata name:1:str uid:2:str namespace:3:str attempt:4:int
PodSandboxConfig metadata:1:PodSandboxMetadata hostname:2:str log_directory:3:str
    dns_config:4:DNSConfig port_mappings:5:*PortMapping labels:6:map annotations:7:map
    linux:8:LinuxPodSandboxConfig
RunPodSandboxRequest config:1:PodSandboxConfig runtime_handler:2:str
RunPodSandboxResponse pod_sandbox_id:1:str
StopPodSandboxRequest pod_sandbox_id:1:str
StopPodSandboxResponse
RemovePodSandboxRequest pod_sandbox_id:1:str
RemovePodSandboxResponse
PodSandboxStatusRequest pod_sandbox_id:1:str verbose:2:bool
PodIP ip:1:str
PodSandboxNetworkStatus ip:1:str additional_ips:2:*PodIP
Namespace options:2:NamespaceOption
LinuxPodSandboxStatus namespaces:1:Namespace
PodSandboxStatus id:1:str metadata:2:PodSandboxMetadata state:3:int created_at:4:int
    network:5:PodSandboxNetworkStatus linux:6:LinuxPodSandboxStatus labels:7:map annotations:8:map
    runtime_handler:9:str
PodSandboxStatusResponse status:1:PodSandboxStatus info:2:map
StateValue state:1:int
PodSandboxFilter id:1:str state:2:StateValue label_selector:3:map
ListPodSandboxRequest filter:1:PodSandboxFilter
PodSandbox id:1:str metadata:2:PodSandboxMetadata state:3:int created_at:4:int labels:5:map
    annotations:6:map runtime_handler:7:str
ListPodSandboxResponse items:1:*PodSandbox
ImageSpec image:1:str annotations:2:map
KeyValue key:1:str value:2:str
HugepageLimit page_size:1:str limit:2:int
LinuxContainerResources cpu_period:1:int cpu_quota:2:int cpu_shares:3:int
    memory_limit_in_bytes:4:int oom_score_adj:5:int cpuset_cpus:6:str cpuset_mems:7:str
    hugepage_limits:8:*HugepageLimit unified:9:map memory_swap_limit_in_bytes:10:int
Capability add_capabilities:1:*str drop_capabilities:2:*str
LinuxContainerSecurityContext capabilities:1:Capability privileged:2:bool
    namespace_options:3:NamespaceOption selinux_options:4:SELinuxOption run_as_user:5:Int64Value
    run_as_group:12:Int64Value run_as_username:6:str readonly_rootfs:7:bool
    supplemental_groups:8:*int no_new_privs:11:bool masked_paths:13:*str readonly_paths:14:*str
    seccomp:15:SecurityProfile apparmor:16:SecurityProfile
LinuxContainerConfig resources:1:LinuxContainerResources
    security_context:2:LinuxContainerSecurityContext
ContainerMetadata name:1:str attempt:2:int
Device container_path:1:str host_path:2:str permissions:3:str
ContainerConfig metadata:1:ContainerMetadata image:2:ImageSpec command:3:*str args:4:*str
    working_dir:5:str envs:6:*KeyValue mounts:7:*Mount devices:8:*Device labels:9:map
    annotations:10:map log_path:11:str stdin:12:bool stdin_once:13:bool tty:14:bool
    linux:15:LinuxContainerConfig
CreateContainerRequest pod_sandbox_id:1:str config:2:ContainerConfig
    sandbox_config:3:PodSandboxConfig
CreateContainerResponse container_id:1:str
StartContainerRequest container_id:1:str
StartContainerResponse
StopContainerRequest container_id:1:str timeout:2:int
StopContainerResponse
RemoveContainerRequest container_id:1:str
RemoveContainerResponse
ContainerFilter id:1:str state:2:StateValue pod_sandbox_id:3:str label_selector:4:map
ListContainersRequest filter:1:ContainerFilter
Container id:1:str pod_sandbox_id:2:str metadata:3:ContainerMetadata image:4:ImageSpec
    image_ref:5:str state:6:int created_at:7:int labels:8:map annotations:9:map
ListContainersResponse containers:1:*Container
ContainerStatusRequest container_id:1:str verbose:2:bool
ContainerStatus id:1:str metadata:2:ContainerMetadata state:3:int created_at:4:int
    started_at:5:int finished_at:6:int exit_code:7:int image:8:ImageSpec image_ref:9:str
    reason:10:str message:11:str labels:12:map annotations:13:map mounts:14:*Mount log_path:15:str
ContainerStatusResponse status:1:ContainerStatus info:2:map
UpdateContainerResourcesRequest container_id:1:str linux:2:LinuxContainerResources
    annotations:4:map
UpdateContainerResourcesResponse
ReopenContainerLogRequest container_id:1:str
ReopenContainerLogResponse
ExecSyncRequest container_id:1:str cmd:2:*str timeout:3:int
ExecSyncResponse stdout:1:bytes stderr:2:bytes exit_code:3:int
ExecRequest container_id:1:str cmd:2:*str tty:3:bool stdin:4:bool stdout:5:bool stderr:6:bool
ExecResponse url:1:str
AttachRequest container_id:1:str stdin:2:bool tty:3:bool stdout:4:bool stderr:5:bool
AttachResponse url:1:str
ImageFilter image:1:ImageSpec
ListImagesRequest filter:1:ImageFilter
Image id:1:str repo_tags:2:*str repo_digests:3:*str size:4:int uid:5:Int64Value username:6:str
    spec:7:ImageSpec
ListImagesResponse images:1:*Image
ImageStatusRequest image:1:ImageSpec verbose:2:bool
ImageStatusResponse image:1:Image info:2:map
RuntimeCondition type:1:str status:2:bool reason:3:str message:4:str
RuntimeStatus conditions:1:*RuntimeCondition
StatusRequest verbose:1:bool
StatusResponse status:1:RuntimeStatus info:2:map
FilesystemIdentifier mountpoint:1:str
FilesystemUsage timestamp:1:int fs_id:2:FilesystemIdentifier used_bytes:3:Int64Value
    inodes_used:4:Int64Value
CpuUsage timestamp:1:int usage_core_nano_seconds:2:Int64Value
MemoryUsage timestamp:1:int working_set_bytes:2:Int64Value
ContainerAttributes id:1:str metadata:2:ContainerMetadata labels:3:map annotations:4:map
ContainerStats attributes:1:ContainerAttributes cpu:2:CpuUsage memory:3:MemoryUsage
    writable_layer:4:FilesystemUsage
ContainerStatsRequest container_id:1:str
ContainerStatsResponse stats:1:ContainerStats
ContainerStatsFilter id:1:str pod_sandbox_id:2:str label_selector:3:map
ListContainerStatsRequest filter:1:ContainerStatsFilter
ListContainerStatsResponse stats:1:*ContainerStats
Pair key:1:str value:2:str
"""
IMAGE_METHODS = {"ListImages", "ImageStatus"}
SHORT = {"res.": "linux.resources.", "sec.": "linux.security_context.",
         "ns.": "linux.security_context.namespace_options."}
NODE = 2
EXITED = 2


def table():
    found = {}
    for word in MESSAGES.split():
        if ":" not in word:
            fields = found[word] = {}
        else:
            name, number, kind = word.split(":")
            fields[name] = (int(number), "*Pair" if kind == "map" else kind, kind == "map")
    return found


TABLE = table()


# ---- protobuf ----

def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def sized(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def encode_one(number, kind, value):
    if kind in ("int", "bool"):
        return varint(number << 3) + varint(int(value))
    if kind == "str":
        return sized(number, str(value).encode())
    return sized(number, encode(kind, value))


def encode(name, message):
    out = b""
    for key, value in message.items():
        if key not in TABLE[name]:
            raise SystemExit(f"cri.py: {name} has no field {key}")
        number, kind, is_map = TABLE[name][key]
        if is_map:
            value = [{"key": k, "value": v} for k, v in value.items()]
        if kind[0] == "*" and isinstance(value, str):
            raise SystemExit(f"cri.py: {key} is a list, not {value}")
        if kind == "*int":
            out += sized(number, b"".join(map(varint, value)))
        elif kind[0] == "*":
            out += b"".join(encode_one(number, kind[1:], v) for v in value)
        else:
            out += encode_one(number, kind, value)
    return out


def read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return n, at


def fields_of(data):
    """(number, int or bytes) of each field in turn."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def decode_one(kind, value):
    if kind == "int":
        return value - (1 << 64) if value >> 63 else value
    if kind == "bool":
        return bool(value)
    if kind in ("str", "bytes"):
        return value.decode(errors="surrogateescape")
    return decode(kind, value)


def empty(kind, is_map):
    if kind[0] == "*":
        return {} if is_map else []
    return {"int": 0, "bool": False, "str": "", "bytes": ""}.get(kind)


def decode(name, data):
    message = {key: empty(kind, is_map) for key, (_, kind, is_map) in TABLE[name].items()}
    by_number = {number: key for key, (number, _, _) in TABLE[name].items()}
    for number, value in fields_of(data):
        key = by_number.get(number)
        if not key:
            continue
        _, kind, is_map = TABLE[name][key]
        value = decode_one(kind.lstrip("*"), value)
        if is_map:
            message[key][value["key"]] = value["value"]
        elif kind[0] == "*":
            message[key].append(value)
        else:
            message[key] = value
    return message


# ---- the service ----

class Session:
    """The service, for one who asks: in an environment, with streams."""

    def __init__(self, channel, env, streams):
        self.channel, self.env, self.streams = channel, env, streams

    def __call__(self, method, **request):
        service = "ImageService" if method in IMAGE_METHODS else "RuntimeService"
        data = self.channel.unary_unary(f"/runtime.v1.{service}/{method}")(
            encode(method + "Request", request), timeout=50)
        return decode(method + "Response", data)

    def read(self):
        return self.streams[0].read()

    def show(self, out="", err=""):
        for stream, text in zip(self.streams[1:], (out, err)):
            if text:
                stream.write(text if isinstance(text, bytes)
                             else text.encode(errors="surrogateescape"))
                stream.flush()


def connect():
    # A daemon that was started again is found at once.
    soon = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 100)]
    return grpc.insecure_channel("unix://" + os.environ["CRI_SOCKET"], soon)


def put(message, path, value):
    *folders, last = path.split(".")
    for name in folders:
        message = message.setdefault(name, {})
    message[last] = value


def assign(message, words):
    for word in words:
        path, _, value = word.partition("=")
        for short, full in SHORT.items():
            if path.startswith(short):
                path = full + path[len(short):]
        try:
            value = json.loads(value)
        except ValueError:
            pass
        put(message, path, value)
    return message


def pick(message, path):
    for name in path.split("."):
        message = message[int(name) if isinstance(message, list) else name]
    return message if isinstance(message, str) else json.dumps(message)


def state_of(service, pod):
    return os.path.join(service.env["CRI_STATE"], pod + ".json")


def run_pod(service, name, *words):
    config = {"metadata": {"name": name, "uid": name + "-uid", "namespace": "suite"},
              "log_directory": os.path.join(service.env["CRI_STATE"], name),
              "linux": {"cgroup_parent": service.env["CRI_CGROUP"],
                        "security_context": {"namespace_options": {"network": NODE}}}}
    handler = service.env["CRI_HANDLER"]
    assign(config, words)
    made = service("RunPodSandbox", config=config, runtime_handler=handler)["pod_sandbox_id"]
    with open(state_of(service, made), "w", encoding="utf-8") as f:
        json.dump(config, f)
    return made


def create(service, pod_id, name, *words):
    with open(state_of(service, pod_id), encoding="utf-8") as f:
        sandbox = json.load(f)
    options = dict(sandbox["linux"]["security_context"]["namespace_options"])
    config = {"metadata": {"name": name}, "image": {"image": service.env["CRI_IMAGE"]},
              "log_path": name + ".log",
              "linux": {"security_context": {"namespace_options": options}}}
    if "--" in words:
        at = words.index("--")
        words, config["command"] = words[:at], words[at + 1:]
    assign(config, words)
    log = os.path.join(sandbox["log_directory"], config["log_path"])
    if os.path.exists(log):  # of a container before
        os.unlink(log)
    return service("CreateContainer", pod_sandbox_id=pod_id, config=config,
                   sandbox_config=sandbox)["container_id"]


def start(service, *words):
    made = create(service, *words)
    service("StartContainer", container_id=made)
    return made


def status(service, container):
    return service("ContainerStatus", container_id=container)["status"]


def logged(service, container, stream):
    """Lines of a log: time, stream, P or F (a part or the last of a line), text."""
    out = ""
    with open(status(service, container)["log_path"], encoding="utf-8",
              errors="surrogateescape", newline="\n") as f:
        for line in f:
            _, of, tag, text = line.split(" ", 3)
            if of == stream:
                out += text if tag == "F" else text[:-1]
    return out


def ended(service, container):
    for _ in range(1000):
        found = status(service, container)
        if found["state"] == EXITED:
            return found
        time.sleep(0.05)
    raise SystemExit("cri.py: it does not end")


def run(service, *words):
    made = create(service, *words)
    try:
        service("StartContainer", container_id=made)
        code = ended(service, made)["exit_code"]
        service.show(logged(service, made, "stdout"), logged(service, made, "stderr"))
    finally:
        service("RemoveContainer", container_id=made)
    return code


def seconds(words):
    return (int(words[1]), words[2:]) if words[0] == "-t" else (0, words)


def execute(service, *words):
    limit, (container, *command) = seconds(words)
    done = service("ExecSync", container_id=container, cmd=command, timeout=limit)
    service.show(done["stdout"], done["stderr"])
    return done["exit_code"]


def streams_options(words):
    words, size, tty = list(words), "", False
    while words[0] in ("-s", "-T"):
        if words.pop(0) == "-s":
            size = words.pop(0)
        else:
            tty = True
    return size, tty, words


def relay(service, url, size):
    """All of standard input there (which cannot end there: protocol v4 has no word for it), and
    what comes back; the exit code."""
    peer = channels.Channels(url)
    if size:
        peer.resize(*map(int, size.split("x")))
    peer.send(channels.STDIN, service.read())
    result = b""
    for channel, data in peer.messages():
        if channel == channels.STATUS:
            result += data
        elif channel == channels.STDOUT:
            service.show(data)
        elif channel == channels.STDERR:
            service.show(b"", data)
    code, message = channels.exit_code(result)
    service.show("", message)
    return code


def stream(service, *words):
    size, tty, (container, *command) = streams_options(words)
    at = service("Exec", container_id=container, cmd=command, tty=tty, stdin=True, stdout=True,
                 stderr=not tty)
    return relay(service, at["url"], size)


def attach(service, *words):
    size, tty, (container,) = streams_options(words)
    at = service("Attach", container_id=container, tty=tty, stdin=True, stdout=True,
                 stderr=not tty)
    return relay(service, at["url"], size)


def stop(service, *words):
    grace, containers = seconds(words)
    for container in containers:
        service("StopContainer", container_id=container, timeout=grace)


def rm(service, *containers):
    for container in containers:
        service("RemoveContainer", container_id=container)


def rmp(service, *pods):
    for one in pods:
        service("StopPodSandbox", pod_sandbox_id=one)
        service("RemovePodSandbox", pod_sandbox_id=one)


def call(service, method, *words):
    return json.dumps(service(method, **assign({}, words)), indent=1)


def get(service, path, method, *words):
    return pick(service(method, **assign({}, words)), path)


def show_log(service, container, stream="stdout"):
    service.show(logged(service, container, stream))


VERBS = {"call": call, "get": get, "pod": run_pod, "create": create, "start": start, "run": run,
         "exec": execute, "stream": stream,
         "attach": attach, "stop": stop, "rm": rm, "rmp": rmp, "log": show_log}


def perform(session, verb, *words):
    """The exit code."""
    try:
        result = VERBS[verb](session, *words)
    except grpc.RpcError as error:
        session.show("", f"{error.code().name}: {error.details()}\n")
        return 125
    if isinstance(result, str):
        session.show(result + "\n")
        return 0
    return result or 0


# ---- for cri-ask ----

def answer(channel, asking):
    """A question is the number of variables, those, and words, each with a NUL behind it; three
    descriptors come with it. The answer is the exit code, in a byte."""
    size = array.array("i").itemsize * 3
    data, extra, _, _ = asking.recvmsg(65536, socket.CMSG_SPACE(size))
    while data and (more := asking.recv(65536)):
        data += more
    fds = array.array("i", extra[0][2])
    streams = [os.fdopen(fd, mode) for fd, mode in zip(fds, ("rb", "wb", "wb"))]
    count, *words = data.decode(errors="surrogateescape").split("\0")[:-1]
    env = dict(word.split("=", 1) for word in words[:int(count)])
    code = 1
    session = Session(channel, env, streams)
    try:
        code = perform(session, *words[int(count):])
    except SystemExit as error:
        session.show("", f"{error}\n")
    except BrokenPipeError:
        pass
    except Exception as error:  # this server goes on
        session.show("", f"{error!r}\n")
    for stream in streams:
        try:
            stream.close()
        except BrokenPipeError:
            pass
    asking.sendall(bytes([code]))
    asking.close()


def serve(path):
    channel = connect()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    while True:
        asking, _ = listening.accept()
        threading.Thread(target=answer, args=(channel, asking), daemon=True).start()


def main():
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    if len(sys.argv) < 2 or sys.argv[1] not in VERBS:
        raise SystemExit(__doc__)
    streams = sys.stdin.buffer, sys.stdout.buffer, sys.stderr.buffer
    return perform(Session(connect(), os.environ, streams), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
