package device

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strings"
)

// Names are the names of a device and its agent. An unknown name is "".
type Names struct {
	FQDN     string // fully qualified if the device knows its domain, else the host name
	UserName string // this process's user
	MAC      string // of a network card, for example "02:00:5e:10:00:01"
}

// ReadNames returns the names of this device. It takes at most 1 s.
func ReadNames() (Names, error) {
	name, err := hostname()
	if err != nil {
		return Names{}, fmt.Errorf("host name: %w", err)
	}
	cards, err := networkCards()
	if err != nil {
		return Names{}, fmt.Errorf("network interfaces: %w", err)
	}
	return Names{FQDN: name, UserName: userName(), MAC: chooseMAC(cards)}, nil
}

// userName returns the user's name, or the id of a user without a name.
func userName() string {
	u, err := user.Current()
	switch {
	case err != nil:
		return fmt.Sprintf("uid %d", os.Getuid())
	case u.Username == "":
		return "uid " + u.Uid
	}
	return u.Username
}

// qualify returns the fully qualified form of a host name. That is the name itself if it has
// a domain, else the name in the hosts file, else the resolver's, else the bare name. The
// first sources change least often.
func qualify(name, hosts string, ask func(name string) (string, error)) string {
	name = strings.TrimSuffix(name, ".")
	if strings.Contains(name, ".") {
		return name
	}
	if full, ok := canonical(name, hosts); ok {
		return full
	}
	full, err := ask(name)
	if full = strings.TrimSuffix(full, "."); err == nil && extends(full, name) {
		return full
	}
	return name
}

// canonical returns the first name in the hosts file's line for the host, if it is fully
// qualified.
func canonical(name, hosts string) (string, bool) {
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		for _, alias := range fields[1:] {
			if strings.EqualFold(alias, name) && extends(fields[1], name) {
				return fields[1], true
			}
		}
	}
	return "", false
}

// extends reports whether full is name with a domain. A resolver can answer with another
// host or localhost, which do not count.
func extends(full, name string) bool {
	host, domain, ok := strings.Cut(full, ".")
	return ok && domain != "" && strings.EqualFold(host, name)
}

// networkCard is a network interface.
type networkCard struct {
	index     int
	name      string
	mac       string // "" if it has none
	physical  bool   // it has a hardware device
	permanent bool   // the address is the device's own, not set or random
}

// chooseMAC returns the address of the card that most likely stays the same: a physical card
// with its own address, else a physical card, else any card. Of several it takes the one
// with the lowest number.
func chooseMAC(cards []networkCard) string {
	cards = slices.DeleteFunc(slices.Clone(cards), func(c networkCard) bool { return c.mac == "" })
	if len(cards) == 0 {
		return ""
	}
	return slices.MinFunc(cards, func(a, b networkCard) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.index, b.index))
	}).mac
}

// rank returns a lower number for an address that is more likely to stay.
func (c networkCard) rank() int {
	rank := 3
	if c.physical {
		rank -= 2
	}
	if c.permanent {
		rank--
	}
	return rank
}

// networkCards returns the network interfaces except loopback.
func networkCards() ([]networkCard, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var cards []networkCard
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		c := networkCard{index: i.Index, name: i.Name, mac: i.HardwareAddr.String()}
		c.physical, c.permanent = cardHardware(i.Name)
		cards = append(cards, c)
	}
	return cards, nil
}

var errNoName = errors.New("the system has no host name")
