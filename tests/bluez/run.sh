#!/bin/sh
# Boot the virtual machine with this checkout and run the gateway's radio tests in it over BlueZ.
# Arguments go to pytest in the guest, and may hold neither spaces nor commas.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/.cache/bluez-vm
tests=${*:-tests/integration/radio tests/integration/test_gateway.py}

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
mkdir -p "$run/disk/src"
(cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$run/disk/src" 2>/dev/null) || true
# The services ask for their own version, which only an installation tells.
cp -r "$root"/.venv/lib/python3*/site-packages/cunmai-*.dist-info "$run/disk/src/"
mke2fs -q -t ext4 -O ^has_journal -d "$run/disk" "$run/src.ext4" 256M

# Emulation works everywhere, ten times slower than KVM, and the tests know it. CUNMAI_VM_ACCEL=kvm is faster
# where KVM works; where it is only half there, as inside many clouds, the machine hangs without a word.
case ${CUNMAI_VM_ACCEL:-tcg} in
    kvm) accel=kvm cpu=host ;;
    *) accel=tcg,thread=multi,tb-size=512 cpu=max ;;
esac
qemu-system-x86_64 -M q35 -accel "$accel" -cpu "$cpu" -smp 2 -m 1536 -nographic -no-reboot -nic none \
    -kernel "$cache/vmlinuz" -initrd "$cache/initrd" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr cryptomgr.notests=1 root=/dev/vda rw init=/cunmai-init cunmai_tests=$(echo "$tests" | tr ' ' ',')" \
    -drive "file=$cache/root.ext4,if=virtio,format=raw,snapshot=on" \
    -drive "file=$run/src.ext4,if=virtio,format=raw,readonly=on" \
    | sed -u 's/\r//g' | tee "$run/console"
grep -q 'CUNMAI-TESTS-ENDED 0' "$run/console"
