#!/bin/sh
# The only program of the virtual machine: start BlueZ, run the tests, print the outcome, power off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sys /sys
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
mountpoint -q /run || mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
ip link set lo up
for module in hci_vhci uhid algif_hash algif_skcipher cmac ecb; do modprobe "$module"; done
dbus-uuidgen --ensure
mkdir -p /run/dbus
dbus-daemon --system --fork --nopidfile
/usr/libexec/bluetooth/bluetoothd -n --experimental > /tmp/bluetoothd.log 2>&1 &
sleep 1
cp -r /cunmai/src /tmp/src && cd /tmp/src
parts=wire:runtime:gateway:ingest:rules:dashboards:firmware-sim:.
export PYTHONPATH="/opt/site:$(for part in $(echo $parts | tr : ' '); do printf '/tmp/src/%s:' "$part"; done)"
export CUNMAI_TEST_RADIO=bluez
arguments=$(sed -n 's/.*cunmai_tests=\([^ ]*\).*/\1/p' /proc/cmdline | tr ',' ' ')
# shellcheck disable=SC2086 # one word per argument
python3 -m pytest -p no:cacheprovider $arguments 2>&1
echo "CUNMAI-TESTS-ENDED $?"
tail -n 20 /tmp/bluetoothd.log
echo o > /proc/sysrq-trigger
sleep 5
