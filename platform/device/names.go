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

// Names are what a device and its agent are called. What cannot be found out is
// "", never invented.
type Names struct {
	FQDN     string // fully qualified where the device knows its domain, else the bare host name
	UserName string // of the user that this process runs as
	MAC      string // of a network card, as "02:00:5e:10:00:01"
}

// ReadNames returns the names of this device. It takes a second at most.
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

// userName returns the name, or the number of a user that has none.
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

// qualify returns the fully qualified form of a host name: the name itself if it
// has a domain, else what the hosts file says, else what the resolver says; the
// bare name if nobody knows. The order is that of stability.
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

// canonical returns the first name of the line in a hosts file that names the
// host, if that is fully qualified.
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

// extends reports whether full is name with a domain: an answer that names
// another host, or localhost, is none.
func extends(full, name string) bool {
	host, domain, ok := strings.Cut(full, ".")
	return ok && domain != "" && strings.EqualFold(host, name)
}

// networkCard is a network interface.
type networkCard struct {
	index     int
	name      string
	mac       string // "" if it has none
	physical  bool   // there is a device behind it
	permanent bool   // the address is the device's own, not one that was set or drawn
}

// chooseMAC returns the address of the card that will most likely be the same next
// time: a physical one with its own address, then a physical one, then any; of
// those the one that the system numbered first.
func chooseMAC(cards []networkCard) string {
	cards = slices.DeleteFunc(slices.Clone(cards), func(c networkCard) bool { return c.mac == "" })
	if len(cards) == 0 {
		return ""
	}
	return slices.MinFunc(cards, func(a, b networkCard) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.index, b.index))
	}).mac
}

// rank is lower, the more likely the address stays.
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

// networkCards lists the network interfaces but for loopback.
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

var errNoName = errors.New("the system has none")
